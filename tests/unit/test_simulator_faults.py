"""Which call a simulated fault strikes, what it makes of a stream, and the pace of one."""

import pytest

from infra.simulator.delivery import Pace
from infra.simulator.dialect import Script, Stamp
from infra.simulator.errors import ApiError, ErrorKind
from infra.simulator.faults import Ordinals, error_of, filters, retry_after_s, spoil_stream, stream_fault_of
from infra.simulator.knobs import Knobs, read_knobs
from infra.simulator.openai_dialect import OpenAIDialect
from infra.simulator.options import SimulatorOptions
from infra.simulator.stats import Outcome, Stats

SCRIPT = Script(b"head", tuple(b"%d" % number for number in range(6)), b"tail")


def knobs(model: str) -> Knobs:
    return read_knobs(model, {}, SimulatorOptions())


def failing_calls(model: str, bodies: list[bytes]) -> list[bool]:
    """Which of a row of calls to a model, with these request bodies, are answered by an error."""
    stats = Stats()
    ordinals = [stats.receive("", "/").name_request(model, body) for body in bodies]
    return [error_of(knobs(model), call, stream=True) is not None for call in ordinals]


def spoilt(model: str) -> Script:
    fault = stream_fault_of(knobs(model), Ordinals(1, 1))
    assert fault is not None
    return spoil_stream(SCRIPT, fault, knobs(model), OpenAIDialect(), Stamp("0" * 32, 0))


def test_flaky_fails_every_first_try_and_answers_the_second():
    assert failing_calls("sim-flaky", [b"a", b"b", b"a", b"a", b"a"]) == [True, True, False, True, False]


def test_an_error_begins_after_some_calls_and_lasts_for_some():
    assert failing_calls("sim-error-429", [b""] * 3) == [True] * 3
    assert failing_calls("sim-error-429@after=2", [b""] * 4) == [False, False, True, True]
    assert failing_calls("sim-error-500@after=1,times=2", [b""] * 5) == [False, True, True, False, False]


def test_a_stream_fault_can_last_for_some_calls():
    strikes = [stream_fault_of(knobs("sim-cut-stream@times=1"), Ordinals(n, n)) is not None for n in (1, 2)]
    assert strikes == [True, False]


def test_a_filter_can_last_for_some_calls():
    strikes = [filters(knobs("sim-content-filter@times=2"), Ordinals(number, number)) for number in (1, 2, 3)]
    assert strikes == [True, True, False]
    assert not filters(knobs("sim-small"), Ordinals(1, 1))


@pytest.mark.parametrize(
    ("model", "kind", "seconds"),
    [
        ("sim-error-429", ErrorKind.RATE_LIMIT, 1),
        ("sim-error-429@retry=0.25", ErrorKind.RATE_LIMIT, 0.25),
        ("sim-error-500", ErrorKind.SERVER, None),
        ("sim-error-500@retry=30", ErrorKind.SERVER, 30),
    ],
)
def test_when_to_come_back_is_said_for_a_rate_limit_or_where_it_is_set(
    model: str, kind: ErrorKind, seconds: float | None
):
    assert retry_after_s(knobs(model), ApiError(kind, "")) == seconds


def test_an_error_in_a_stream_takes_the_place_of_the_rest_and_of_usage():
    script = spoilt("sim-err-in-stream@after=2")
    assert script.tokens == (b"0", b"1")
    assert script.tail.startswith(b'data: {"error":{"message":')


def test_a_cut_stream_just_stops():
    assert spoilt("sim-cut-stream") == Script(b"head", (b"0", b"1", b"2"), b"", cut=True)


def test_bad_json_replaces_one_token_of_a_stream():
    script = spoilt("sim-bad-json@after=1")
    assert script.tokens == (b"0", OpenAIDialect.broken_event, b"2", b"3", b"4", b"5")
    assert script.tail == b"tail"


def test_tokens_are_due_at_their_speed_after_the_latency():
    pace = Pace(latency_s=1, pause_s=0, tokens_per_second=10)
    assert [pace.due_s(index) for index in (0, 1, 5)] == [1, pytest.approx(1.1), pytest.approx(1.5)]
    assert pace.due_by(1.25, begin=1, count=9) == 3
    assert pace.due_by(99, begin=1, count=9) == 9


def test_a_pause_comes_after_the_first_token():
    pace = Pace(latency_s=0, pause_s=2, tokens_per_second=0)
    assert [pace.due_s(index) for index in (0, 1, 2)] == [0, 2, 2]
    assert not pace.at_once


def test_a_call_counts_from_its_arrival_and_ends_once():
    stats = Stats()
    first, second = stats.receive("a", "/"), stats.receive("a", "/")
    assert (stats.calls, stats.in_flight, stats.by_key["a"]) == (2, 2, 2)
    first.end(Outcome.COMPLETED)
    second.end(Outcome.CANCELLED)
    seen = stats.snapshot()
    assert (seen["completed"], seen["cancelled"], seen["in_flight"], seen["max_in_flight"]) == (1, 1, 0, 2)
    assert seen["last_cancel_after_ms"] >= 0


def test_a_hundred_thousand_keys_are_kept_apart():
    stats = Stats()
    for number in range(100_000):
        stats.receive(f"key-{number}", "/").end(Outcome.COMPLETED)
    assert set(stats.snapshot()["by_idempotency_key"].values()) == {1}
    assert len(stats.snapshot()["by_idempotency_key"]) == 100_000
