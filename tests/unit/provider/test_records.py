"""The rows of one call: the one that its worker writes, and the one that is owed where that may have died."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_CHAT, ErrorBody, InferenceAttempted, InferenceFailed, TokenUsage
from contracts.subjects import Lane
from contracts.usage import UsageRecorded
from infra.catalog import Deployment
from infra.dispatch.job import Job, Position
from infra.dispatch.outcome import Publication
from infra.telemetry.tracing import Span
from workers.ledger.rows import distinct, row_of
from workers.provider.attempt import Attempt
from workers.provider.records import attempted, row_owed, usage_row
from workers.provider.said import Result

HEADERS = {
    envelope.API: OPENAI_CHAT,
    envelope.MODEL: "small",
    envelope.KEY_ID: "k1",
    envelope.ROUTE: "alias",
    envelope.CACHE_STATUS: "miss",
    envelope.TAGS: '{"team":"search"}',
}
JOB = Job(
    subject="",
    lane=Lane.INTERACTIVE,
    tenant="acme",
    request_id="r1",
    headers=HEADERS,
    body=b"",
    deadline=None,
    position=Position("S", "c", 1, 1, 0.0),
    span=cast("Span", SimpleNamespace(context=SimpleNamespace(trace_id=7))),
)
# Its microseconds end in a zero: a text that drops it must still be the same moment.
ATTEMPT = Attempt(
    2, Deployment(name="d", provider="p", model="m"), "m", "acme.r1.2", datetime(2026, 11, 23, 8, 0, 0, 120, UTC)
)
DONE = Result({}, TokenUsage(input_tokens=3, output_tokens=4), None, 12.5, None)


def journalled() -> InferenceAttempted:
    """The call as it is read back from the journal."""
    return InferenceAttempted.model_validate_json(attempted(JOB, ATTEMPT, 9).model_dump_json(exclude_none=True))


def recorded(publication: Publication) -> UsageRecorded:
    return UsageRecorded.model_validate_json(publication.body)


def row(publication: Publication) -> Any:
    return row_of(publication.body, publication.key, 0.0)


def test_both_rows_are_of_the_same_moment_to_the_microsecond():
    own, owed = recorded(usage_row(JOB, ATTEMPT, DONE)), recorded(row_owed(JOB, journalled(), None, None))
    assert own.started_at == owed.started_at == ATTEMPT.started_at
    assert (own.status, owed.status) == ("completed", "interrupted")
    assert (owed.usage, owed.cost_usd) == (TokenUsage(input_tokens=9, estimated=True), None)


def test_both_rows_are_one_and_the_callers_own_stays_in_either_order():
    own, owed = row(usage_row(JOB, ATTEMPT, DONE)), row(row_owed(JOB, journalled(), None, None))
    assert distinct([own, owed]) == distinct([owed, own]) == [own]


def test_what_is_owed_of_a_call_that_was_told_of_is_the_very_same_message():
    error = ErrorBody.of(PenstockError(ErrorCode.PROVIDER_ERROR, "no", stage="provider"))
    told = InferenceFailed(request_id="r1", error=error, attempts=2, usage=DONE.usage)
    own, owed = usage_row(JOB, ATTEMPT, replace(DONE, error=error.to_error())), row_owed(JOB, journalled(), told, None)
    assert own.key == owed.key
    assert (recorded(owed).status, recorded(owed).usage) == ("failed", DONE.usage)


@pytest.mark.parametrize("publication", [usage_row(JOB, ATTEMPT, DONE), row_owed(JOB, journalled(), None, None)])
def test_every_row_says_who_asked_and_by_which_way(publication: Publication):
    said = recorded(publication)
    assert (said.tenant, said.key_id, said.model, said.attempt) == ("acme", "k1", "small", 2)
    assert (said.route, said.cache, said.tags) == ("alias", "miss", {"team": "search"})
