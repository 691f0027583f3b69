"""What the stages of the document flow share: whose a message is, and how a submission ends."""

from collections.abc import Mapping
from typing import Protocol

from contracts import envelope, subjects
from contracts.documents import DocumentFailed, DocumentIndexed
from contracts.errors import PenstockError
from contracts.inference import ErrorBody
from contracts.subjects import Lane, lane_and_tail
from infra.dispatch.job import Identity, Job, fields_of
from infra.dispatch.outcome import Publication


class Submitted(Protocol):
    """What a message is about: `DocumentChunked` and `DocumentEmbedded` are such."""

    @property
    def submission_id(self) -> str: ...
    @property
    def store_id(self) -> str: ...
    @property
    def document_id(self) -> str: ...


def identify_submitted(subject: str, headers: Mapping[str, str], body: bytes) -> Identity:
    """At the producers' door: the tenant is the subject's, the submission's id the envelope's or else the body's.

    Behind it `infra.dispatch.job.identify_forwarded` serves: the request id of the flow is the submission's.
    """
    lane, tenant = lane_and_tail(subject)
    named = headers.get(envelope.REQUEST_ID) or fields_of(body).get("submission_id")
    return Identity(Lane(lane), tenant, named if isinstance(named, str) else "")


def message_key(job: Job, event: str, version: int | None = None) -> str:
    """The id of the message that a stage makes of a submission, the same however often it is made."""
    of_version = "" if version is None else f".{version}"
    return f"{job.tenant}.{job.request_id}.{event}{of_version}"


def indexed(job: Job, body: DocumentIndexed) -> Publication:
    """A submission is done, in one index version."""
    event = "documents.indexed"
    subject = subjects.indexed(job.lane, job.tenant, job.request_id)
    key = message_key(job, event, body.version)
    return Publication(event, subject, key, body.model_dump_json(exclude_none=True).encode(), carry=False)


def ended(job: Job, about: Submitted, **details: object) -> Publication:
    """The same; `details` are further fields of `DocumentIndexed`."""
    fields = {"submission_id": about.submission_id, "store_id": about.store_id, "document_id": about.document_id}
    return indexed(job, DocumentIndexed.model_validate({**fields, **details}))


def failed(job: Job, about: Submitted, error: ErrorBody | PenstockError, version: int | None = None) -> Publication:
    """A submission came to nothing, in one index version or (None) in all of them."""
    event = "documents.failed"
    body = DocumentFailed(
        submission_id=about.submission_id,
        store_id=about.store_id,
        document_id=about.document_id,
        version=version,
        error=ErrorBody.of(error) if isinstance(error, PenstockError) else error,
    )
    subject = subjects.document_failed(job.lane, job.tenant, job.request_id)
    key = message_key(job, event, version)
    return Publication(event, subject, key, body.model_dump_json(exclude_none=True).encode(), carry=False)
