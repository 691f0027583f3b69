"""Asks the retrieval worker how good a version is."""

import nats.errors
from nats.aio.client import Client

from contracts import subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.retrieval import EvaluationAnswered, EvaluationRequested
from infra.dispatch.contract import read_contract
from infra.index.jobs import Reindex
from infra.index.version import IndexVersion
from workers.reindex.gate import MODE, READ_BACK
from workers.reindex.wanted import STAGE


def question(job: Reindex, version: IndexVersion, live: int | None) -> EvaluationRequested:
    """What the gate has to know of the next version and of the live one."""
    return EvaluationRequested(
        store=job.store_id,
        versions=(version.id,) if live is None else (live, version.id),
        evaluation_set=job.request.evaluation_set,
        read_back=READ_BACK,
        modes=(MODE,),
    )


async def measure(
    client: Client, tenant: str, asked: EvaluationRequested, patience: float
) -> EvaluationAnswered | None:
    """The answer; None where nobody gave one in `patience` seconds, or can't just now: it can be asked for again.

    Raises `PenstockError` for an answer that asking again would not change.
    """
    subject, body = subjects.evaluation_requested(tenant), asked.model_dump_json(exclude_none=True).encode()
    try:
        reply = await client.request(subject, body, timeout=patience)
    except (nats.errors.Error, TimeoutError, OSError):
        return None
    answer = read_contract(EvaluationAnswered, reply.data, what="answer of an evaluation", stage=STAGE)
    if answer.error is None:
        return answer
    error = answer.error.to_error()
    if error.retryable or error.code in (ErrorCode.PIPELINE_UNAVAILABLE, ErrorCode.OVERLOADED):
        return None
    raise PenstockError(error.code, f"the gate could not measure: {error.message}", stage=STAGE)
