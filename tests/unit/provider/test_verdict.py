"""What the end of a call says of its deployment, and what a request is told for which none may be called."""

import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.inference import TokenUsage
from tests.support.plans import option
from workers.provider import errors
from workers.provider.backoff import pause_before_retry
from workers.provider.breaker import Verdict
from workers.provider.health import Block, Obstacle
from workers.provider.refusal import nothing_to_call
from workers.provider.said import Result
from workers.provider.verdict import SILENT, elsewhere_too, verdict_of

NOW = 1_700_000_000.0


def result(error: PenstockError | None, *, seconds: float = 0.1, first: float | None = None) -> Result:
    return Result({}, TokenUsage(), error, seconds * 1000, first)


def error(code: ErrorCode) -> PenstockError:
    return PenstockError(code, "so it is", stage="provider")


@pytest.mark.parametrize(
    ("ended", "verdict"),
    [
        (None, Verdict.GOOD),
        (errors.from_status(500, None, None, "p"), Verdict.FAILED),
        (errors.from_status(529, None, None, "p"), Verdict.FAILED),
        (errors.unreachable("p"), Verdict.FAILED),
        (errors.timed_out("p"), Verdict.FAILED),
        (errors.cut_off("p"), Verdict.FAILED),
        (errors.broke_off("p"), Verdict.FAILED),
        (errors.unreadable("p"), Verdict.FAILED),
        (errors.from_status(401, None, None, "p"), Verdict.REFUSED),
        (errors.from_status(403, None, None, "p"), Verdict.REFUSED),
        (errors.from_status(429, None, "1", "p"), Verdict.ANSWERED),
        (errors.from_status(400, None, None, "p"), Verdict.ANSWERED),
        (error(ErrorCode.CONTEXT_LENGTH_EXCEEDED), Verdict.ANSWERED),
        (error(ErrorCode.CANCELLED), Verdict.UNKNOWN),
        (error(ErrorCode.DEADLINE_EXCEEDED), Verdict.UNKNOWN),
    ],
)
def test_failures_and_refusals_count_and_what_the_caller_did_does_not(ended: PenstockError | None, verdict: Verdict):
    assert verdict_of(result(ended)) is verdict


def test_a_deadline_counts_where_the_provider_was_silent_for_long():
    late = error(ErrorCode.DEADLINE_EXCEEDED)
    assert verdict_of(result(late, seconds=SILENT)) is Verdict.FAILED
    assert verdict_of(result(late, seconds=SILENT - 1)) is Verdict.UNKNOWN
    assert verdict_of(result(late, seconds=SILENT, first=100)) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("status", "fails_everywhere"), [(400, True), (401, False), (403, False), (429, False), (500, False)]
)
def test_what_is_wrong_with_the_request_is_wrong_everywhere(status: int, fails_everywhere: bool):
    assert elsewhere_too(errors.from_status(status, None, None, "p")) is fails_everywhere


A, B = option("a/x"), option("b/x")


@pytest.mark.parametrize(
    ("blocks", "code", "after"),
    [
        ([Block(A, Obstacle.OPEN, NOW + 9), Block(B, Obstacle.OPEN, NOW + 4)], ErrorCode.PROVIDER_UNAVAILABLE, 4),
        ([Block(A, Obstacle.OPEN, NOW + 9), Block(B, Obstacle.REFUSED, NOW + 4)], ErrorCode.PROVIDER_UNAVAILABLE, 4),
        ([Block(A, Obstacle.REFUSED, NOW + 30)], ErrorCode.PROVIDER_ERROR, 30),
        ([Block(A, Obstacle.OPEN, NOW + 9), Block(B, Obstacle.LIMITED, NOW + 20)], ErrorCode.RATE_LIMITED, 9),
        ([Block(A, Obstacle.LIMITED, NOW - 1)], ErrorCode.RATE_LIMITED, 0),
        ([Block(A, Obstacle.BUSY), Block(B, Obstacle.LIMITED, NOW + 20)], ErrorCode.OVERLOADED, None),
        ([Block(A, Obstacle.SPENT)], ErrorCode.PROVIDER_UNAVAILABLE, None),
    ],
)
def test_a_request_is_told_why_nothing_may_be_called_and_when_that_is_over(
    blocks: list[Block], code: ErrorCode, after: float | None
):
    told = nothing_to_call(blocks, NOW)
    assert (told.code, told.retryable, told.retry_after) == (code, True, after)


def test_the_caller_is_told_of_refused_credentials_by_the_providers_name_alone():
    assert nothing_to_call([Block(A, Obstacle.REFUSED, NOW)], NOW).message == "the provider a refused our credentials"


def test_the_pause_before_a_retry_is_the_rest_that_was_asked_for_and_a_jitter_that_grows():
    for calls, most in ((1, 0.2), (2, 0.4), (20, 5.0)):
        pauses = [pause_before_retry(3.0, calls) for _ in range(200)]
        assert all(3.0 <= pause <= 3.0 + most for pause in pauses)
        assert max(pauses) > 3.0 + most / 2, "it grows with the calls"
        assert min(pauses) < 3.0 + most / 2, "it is spread out"
