"""What the stages of the document flow share: whose a message is, and how a submission ends."""

from dataclasses import dataclass
from typing import cast

import orjson
import pytest

from contracts.documents import DocumentFailed, DocumentIndexed
from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.inference import ErrorBody
from contracts.subjects import Lane
from infra.dispatch.job import Job, Position
from infra.telemetry.tracing import Span
from workers.documents import failed, identify_submitted, indexed

SUBJECT = "penstock.v1.documents.submitted.batch.acme"


@dataclass(frozen=True)
class About:
    submission_id: str = "s-1"
    store_id: str = "vs_1"
    document_id: str = "guide/a.md"


def job() -> Job:
    position = Position("DOCUMENTS_SUBMITTED", "chunking-batch", 1, 1, 0.0)
    return Job(SUBJECT, Lane.BATCH, "acme", "s-1", {}, b"", None, position, cast("Span", None))


@pytest.mark.parametrize(
    ("headers", "body", "named"),
    [
        ({"ce-requestid": "s-1"}, b"", "s-1"),
        ({}, b'{"submission_id": "s-2"}', "s-2"),
        ({"ce-requestid": "s-1"}, b'{"submission_id": "s-2"}', "s-1"),
        ({}, b'{"submission_id": 5}', ""),
        ({}, b"[]", ""),
        ({}, b"no JSON", ""),
    ],
)
def test_a_submission_is_known_by_its_envelope_or_else_by_its_body(
    headers: dict[str, str], body: bytes, named: str
) -> None:
    found = identify_submitted(SUBJECT, headers, body)
    assert (found.lane, found.tenant, found.request_id) == (Lane.BATCH, "acme", named)


def test_a_subject_of_no_lane_is_no_submission() -> None:
    with pytest.raises(ContractError):
        identify_submitted("penstock.v1.documents.submitted.express.acme", {}, b"{}")


def test_what_became_of_a_submission_is_one_message_a_version() -> None:
    body = DocumentIndexed(submission_id="s-1", store_id="vs_1", document_id="a", version=7, chunks=3)
    said = indexed(job(), body)
    assert said.subject == "penstock.v1.documents.indexed.batch.acme.s-1"
    assert said.key == "acme.s-1.documents.indexed.7"
    assert DocumentIndexed.model_validate_json(said.body) == body
    assert "sha256" not in orjson.loads(said.body)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PenstockError(ErrorCode.NOT_FOUND, "there is no such store", stage="chunking"), "not_found"),
        (ErrorBody(code="encrypted", message="the PDF wants a password", stage="chunking"), "encrypted"),
    ],
)
def test_a_submission_that_came_to_nothing_says_why(error: PenstockError | ErrorBody, code: str) -> None:
    said = failed(job(), About(), error)
    assert said.subject == "penstock.v1.documents.failed.batch.acme.s-1"
    assert said.key == "acme.s-1.documents.failed"
    body = DocumentFailed.model_validate_json(said.body)
    assert (body.document_id, body.version, body.error.code) == ("guide/a.md", None, code)
    assert body.error.message == error.message
