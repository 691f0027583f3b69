"""Every message of version 1: the one list that schemas, AsyncAPI and streams are made from."""

from dataclasses import dataclass

from pydantic import BaseModel

from contracts.cache import CacheStored
from contracts.documents import (
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentSubmitted,
)
from contracts.inference import InferenceAttempted, InferenceCompleted, InferenceFailed, InferenceRequested
from contracts.limits import LimitsReleased
from contracts.reindex import ReindexCompleted, ReindexProgressed, ReindexRequested
from contracts.responses import ResponseStored
from contracts.usage import UsageRecorded


@dataclass(frozen=True, slots=True)
class MessageContract:
    """One event. `subject` is a template with `{parameters}`; `stream` names where it is kept."""

    event: str
    subject: str
    stream: str
    body: type[BaseModel]
    summary: str


CONTRACTS: tuple[MessageContract, ...] = (
    MessageContract(
        "inference.requested",
        "penstock.v1.inference.requested.{lane}.{tenant}",
        "INFERENCE_REQUESTED",
        InferenceRequested,
        "A prompt enters the pipeline: the producers' door.",
    ),
    MessageContract(
        "inference.validated",
        "penstock.v1.inference.validated.{lane}.{tenant}",
        "INFERENCE_VALIDATED",
        InferenceRequested,
        "The prompt is well formed; model and stream are in the envelope.",
    ),
    MessageContract(
        "inference.ungrounded",
        "penstock.v1.inference.ungrounded.{lane}.{tenant}",
        "INFERENCE_UNGROUNDED",
        InferenceRequested,
        "The prompt is well formed, and names stores whose documents are to be looked up for it.",
    ),
    MessageContract(
        "inference.waiting",
        "penstock.v1.inference.waiting.{lane}.{tenant}.{key}",
        "INFERENCE_WAITING",
        InferenceRequested,
        "The same prompt is being answered for another request: its answer will do for this one.",
    ),
    MessageContract(
        "inference.uncached",
        "penstock.v1.inference.uncached.{lane}.{tenant}",
        "INFERENCE_UNCACHED",
        InferenceRequested,
        "No cache answers the prompt.",
    ),
    MessageContract(
        "inference.routed",
        "penstock.v1.inference.routed.{lane}.{provider}",
        "INFERENCE_ROUTED",
        InferenceRequested,
        "The deployments are chosen, in order of preference.",
    ),
    MessageContract(
        "inference.attempted",
        "penstock.v1.inference.attempted.{tenant}.{request_id}",
        "INFERENCE_ATTEMPTED",
        InferenceAttempted,
        "A provider is about to be called.",
    ),
    MessageContract(
        "inference.completed",
        "penstock.v1.inference.completed.{lane}.{tenant}.{request_id}",
        "RESULTS, RESULTS_ASYNC in the batch lane",
        InferenceCompleted,
        "Terminal: the answer.",
    ),
    MessageContract(
        "inference.failed",
        "penstock.v1.inference.failed.{lane}.{tenant}.{request_id}",
        "RESULTS, RESULTS_ASYNC in the batch lane",
        InferenceFailed,
        "Terminal: why there is no answer.",
    ),
    MessageContract(
        "usage.recorded",
        "penstock.v1.usage.recorded.{tenant}",
        "USAGE",
        UsageRecorded,
        "One provider attempt, for the ledger.",
    ),
    MessageContract(
        "limits.released",
        "penstock.v1.limits.released.{tenant}",
        "LIMITS",
        LimitsReleased,
        "A request that counted against limits has ended.",
    ),
    MessageContract(
        "cache.stored",
        "penstock.v1.cache.stored.{tenant}.{key}",
        "CACHE",
        CacheStored,
        "An answer that may be given again; the newest message of a subject is the entry or, without a body, names the "
        "request that is making it.",
    ),
    MessageContract(
        "response.stored",
        "penstock.v1.response.stored.{tenant}.{request_id}",
        "RESPONSES",
        ResponseStored,
        "A response that can be asked for again, as far as it has come; the newest message of a subject counts.",
    ),
    MessageContract(
        "documents.submitted",
        "penstock.v1.documents.submitted.{lane}.{tenant}",
        "DOCUMENTS_SUBMITTED",
        DocumentSubmitted,
        "A document enters the pipeline: the producers' door.",
    ),
    MessageContract(
        "documents.chunked",
        "penstock.v1.documents.chunked.{lane}.{pool}",
        "DOCUMENTS_CHUNKED",
        DocumentChunked,
        "A document in pieces, for one index version.",
    ),
    MessageContract(
        "documents.embedded",
        "penstock.v1.documents.embedded.{lane}.{tenant}",
        "DOCUMENTS_EMBEDDED",
        DocumentEmbedded,
        "A document in pieces, each with its vector, for one index version.",
    ),
    MessageContract(
        "documents.indexed",
        "penstock.v1.documents.indexed.{lane}.{tenant}.{submission_id}",
        "DOCUMENTS_ENDED",
        DocumentIndexed,
        "A submission is done: the document can be found, in one index version.",
    ),
    MessageContract(
        "documents.failed",
        "penstock.v1.documents.failed.{lane}.{tenant}.{submission_id}",
        "DOCUMENTS_ENDED",
        DocumentFailed,
        "A submission came to nothing, and why.",
    ),
    MessageContract(
        "reindex.requested",
        "penstock.v1.reindex.requested.{tenant}.{job_id}",
        "REINDEX",
        ReindexRequested,
        "A store's index is to be built anew: the batch jobs' door.",
    ),
    MessageContract(
        "reindex.progressed",
        "penstock.v1.reindex.progressed.{tenant}.{job_id}",
        "REINDEX",
        ReindexProgressed,
        "How far a re-index has come; the newest message of a subject counts.",
    ),
    MessageContract(
        "reindex.completed",
        "penstock.v1.reindex.completed.{tenant}.{job_id}",
        "REINDEX",
        ReindexCompleted,
        "How a re-index ended.",
    ),
)


_BY_EVENT = {contract.event: contract for contract in CONTRACTS}


def template_of(event: str) -> str:
    """The subject template of `event`: what spans are named after, whatever the tenant. `KeyError` for no event."""
    return _BY_EVENT[event].subject


def contract_of(event: str) -> MessageContract:
    """The contract of `event`; `KeyError` where there is none."""
    return _BY_EVENT[event]
