"""Between a submission's message and what the index has to know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.documents import DocumentSubmitted
from contracts.errors import ContractError
from infra.dispatch.contract import read_contract
from infra.index.files import FileContents
from infra.index.intake import Arrival, Given
from ingestion.hashes import submission_sha

STAGE = "chunking"
_LONGEST_NAME = 512


@dataclass(frozen=True, slots=True)
class About:
    """Which submission of which document. `store_id` is what the producer called the store, until it is found."""

    submission_id: str
    store_id: str
    document_id: str


def read_submission(body: bytes, request_id: str) -> DocumentSubmitted:
    """Raises `ContractError` for a body that is no submission, or not that of its envelope."""
    submission = read_contract(DocumentSubmitted, body, what="submission", stage=STAGE)
    if submission.submission_id != request_id:
        message = "the submission has another id in its envelope"
        raise ContractError(message, stage=STAGE, param="submission_id")
    return submission


def about_of(fields: Mapping[str, Any], request_id: str) -> About | None:
    """What a body that is no submission still says; None where it doesn't name its document."""
    document_id, store = fields.get("document_id"), fields.get("store")
    if not isinstance(document_id, str) or not 0 < len(document_id) <= _LONGEST_NAME:
        return None
    return About(request_id, store[:_LONGEST_NAME] if isinstance(store, str) else "", document_id)


def given_inline(submission: DocumentSubmitted) -> Given | None:
    """The content that a submission brings with it; None where it brings none. Hashes: some GB/s."""
    content = submission.content if submission.text is None else submission.text.encode("utf-8", "replace")
    if content is None:
        return None
    name, media_type = submission.filename, submission.media_type
    return Given(_sha(name, media_type, content), name, media_type, content=content)


def given_by_file(submission: DocumentSubmitted, file_id: str, file: FileContents) -> Given:
    """The content of a file that was uploaded; the file itself says what type it is, unless it is called something else
    in this store.
    """
    name = submission.filename or file.filename
    return Given(_sha(name, file.media_type, file.content), name, file.media_type, file_id, file.content)


def submitted_at(submission: DocumentSubmitted, stored_at: float) -> datetime:
    """When it was submitted: as it says, or when its message was stored, in seconds since 1970."""
    return submission.submitted_at or datetime.fromtimestamp(stored_at, UTC)


def arrival_of(submission: DocumentSubmitted, given: Given | None, stored_at: float) -> Arrival:
    """As the index takes it in."""
    return Arrival(
        store=submission.store,
        document_id=submission.document_id,
        submitted_at=submitted_at(submission, stored_at),
        given=given,
        attributes=submission.attributes,
        only_version=None if submission.deleted else submission.only_version,
    )


def _sha(name: str, media_type: str | None, content: bytes) -> bytes:
    return bytes.fromhex(submission_sha(name, media_type, content))
