"""The circuit breaker: what opens it, for how long, what closes it, and what it learns nothing from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.provider.breaker import (
    LEAST_CALLS,
    LONGEST,
    OPEN_FOR,
    REFUSED_FOR,
    STREAK,
    WINDOW,
    Breaker,
    Opening,
    Reason,
    Standing,
    Verdict,
)

NOW = 1_700_000_000.0


def end(breaker: Breaker, verdict: Verdict, now: float, *, began: float | None = None, probe: bool = False) -> bool:
    """A call ends at `now`, having begun then as well unless that is given."""
    return breaker.record(verdict, began=now if began is None else began, now=now, probe=probe)


def opened(number: int = 1, reason: Reason = Reason.FAILURES, until: float = NOW + OPEN_FOR) -> Breaker:
    breaker = Breaker()
    breaker.adopt(Opening(reason, until, number), NOW)
    return breaker


def half_open(number: int = 1) -> tuple[Breaker, float]:
    """A breaker with its probe on the way, and that moment."""
    breaker = opened(number)
    breaker.probing = True
    return breaker, NOW + OPEN_FOR


def test_a_new_one_is_closed():
    assert Breaker().standing(NOW) is Standing.CLOSED


def test_failures_in_a_row_open_it():
    breaker = Breaker()
    assert [end(breaker, Verdict.FAILED, NOW) for _ in range(STREAK)] == [False] * (STREAK - 1) + [True]
    assert breaker.opening == Opening(Reason.FAILURES, NOW + OPEN_FOR, 1)


def test_an_answer_in_between_begins_the_row_anew():
    breaker = Breaker()
    # Far enough apart for the share of failures not to count.
    for now in (NOW, NOW + 2 * WINDOW, NOW + 4 * WINDOW):
        assert not any(end(breaker, Verdict.FAILED, now) for _ in range(STREAK - 1))
        end(breaker, Verdict.GOOD, now)
    assert breaker.standing(NOW + 4 * WINDOW) is Standing.CLOSED


@pytest.mark.parametrize("verdict", [Verdict.ANSWERED, Verdict.UNKNOWN])
def test_what_says_nothing_of_the_deployment_neither_opens_it_nor_breaks_a_row(verdict: Verdict):
    breaker = Breaker()
    for _ in range(STREAK - 1):
        end(breaker, Verdict.FAILED, NOW)
    for _ in range(LEAST_CALLS * 2):
        assert not end(breaker, verdict, NOW)
    assert end(breaker, Verdict.FAILED, NOW)


def alternating(breaker: Breaker, calls: int, now: float, step: float = 0.0) -> list[bool]:
    """Good, bad, good, bad …: half of them, and never two in a row."""
    verdicts = [Verdict.FAILED if number % 2 else Verdict.GOOD for number in range(calls)]
    return [end(breaker, verdict, now + step * number) for number, verdict in enumerate(verdicts)]


def test_half_of_enough_calls_failing_opens_it():
    assert alternating(Breaker(), LEAST_CALLS, NOW) == [False] * (LEAST_CALLS - 1) + [True]


def test_half_of_too_few_calls_failing_does_not():
    assert not any(alternating(Breaker(), LEAST_CALLS - 2, NOW))


def test_only_the_last_seconds_count():
    # As many calls as would do, but never enough of them within the window.
    assert not any(alternating(Breaker(), LEAST_CALLS * 3, NOW, step=WINDOW / (LEAST_CALLS - 2)))


def test_fewer_than_half_failing_does_not_open_it():
    breaker = Breaker()
    for _ in range(LEAST_CALLS * 5):
        assert not end(breaker, Verdict.GOOD, NOW)
        assert not end(breaker, Verdict.GOOD, NOW)
        assert not end(breaker, Verdict.FAILED, NOW)


def test_refused_credentials_open_it_at_once_and_for_longer():
    breaker = Breaker()
    assert end(breaker, Verdict.REFUSED, NOW)
    assert breaker.opening == Opening(Reason.CREDENTIALS, NOW + REFUSED_FOR, 1)


def test_it_is_open_until_its_time_is_over_and_then_half_open():
    breaker = opened()
    assert breaker.standing(NOW) is Standing.OPEN
    assert breaker.standing(NOW + OPEN_FOR - 0.001) is Standing.OPEN
    assert breaker.standing(NOW + OPEN_FOR) is Standing.HALF_OPEN
    assert breaker.standing(NOW + 1e6) is Standing.HALF_OPEN


@pytest.mark.parametrize("verdict", [Verdict.GOOD, Verdict.ANSWERED])
def test_a_probe_that_is_answered_closes_it(verdict: Verdict):
    breaker, then = half_open()
    assert end(breaker, verdict, then, probe=True)
    assert (breaker.standing(then), breaker.probing) == (Standing.CLOSED, False)


def test_it_begins_anew_once_it_is_closed():
    breaker = Breaker()
    for _ in range(STREAK):
        end(breaker, Verdict.FAILED, NOW)
    end(breaker, Verdict.GOOD, NOW + OPEN_FOR, probe=True)
    assert not any(end(breaker, Verdict.FAILED, NOW + OPEN_FOR + 1) for _ in range(STREAK - 1))
    assert end(breaker, Verdict.FAILED, NOW + OPEN_FOR + 1)
    assert breaker.opening is not None
    assert breaker.opening.number == 1


@pytest.mark.parametrize(("number", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 60), (5, 60), (50, 60)])
def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit(number: int, seconds: float):
    breaker, then = half_open(number)
    assert end(breaker, Verdict.FAILED, then, probe=True)
    assert breaker.opening == Opening(Reason.FAILURES, then + seconds, number + 1)
    assert breaker.opening.until - then <= LONGEST
    assert not breaker.probing


def test_a_probe_that_is_refused_opens_it_for_that_reason():
    breaker, then = half_open()
    assert end(breaker, Verdict.REFUSED, then, probe=True)
    assert breaker.opening == Opening(Reason.CREDENTIALS, then + REFUSED_FOR, 2)


def test_a_probe_that_could_not_tell_leaves_it_half_open_for_the_next():
    breaker, then = half_open()
    assert not end(breaker, Verdict.UNKNOWN, then, probe=True)
    assert (breaker.standing(then), breaker.probing) == (Standing.HALF_OPEN, False)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("when", [NOW + 1, NOW + OPEN_FOR + 1])
def test_a_call_that_is_no_probe_changes_nothing_while_it_is_open(verdict: Verdict, when: float):
    breaker = opened()
    before = breaker.opening
    assert not end(breaker, verdict, when, began=NOW - 1)
    assert breaker.opening == before


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.REFUSED])
def test_calls_that_were_under_way_when_it_closed_do_not_open_it_again(verdict: Verdict):
    breaker, then = half_open()
    end(breaker, Verdict.GOOD, then, probe=True)
    assert not any(end(breaker, verdict, then + 1, began=then - 1) for _ in range(STREAK * 2))


def test_a_probe_that_ends_after_another_process_closed_it_is_a_call_like_any_other():
    breaker, then = half_open()
    breaker.adopt(None, then)
    assert not end(breaker, Verdict.FAILED, then + 1, probe=True)
    assert (breaker.standing(then + 1), breaker.probing) == (Standing.CLOSED, False)


def test_what_another_process_found_out_counts_here():
    breaker = Breaker()
    opening = Opening(Reason.FAILURES, NOW + 20, 3)
    assert breaker.adopt(opening, NOW)
    assert breaker.opening == opening
    assert breaker.adopt(None, NOW + 1)
    assert breaker.standing(NOW + 1) is Standing.CLOSED


def test_news_that_are_known_change_nothing():
    breaker = opened(until=NOW + 20)
    assert not breaker.adopt(Opening(Reason.FAILURES, NOW + 20, 1), NOW)
    assert not breaker.adopt(Opening(Reason.FAILURES, NOW + 10, 1), NOW)
    assert breaker.opening is not None
    assert breaker.opening.until == NOW + 20
    assert not Breaker().adopt(None, NOW)


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.sampled_from(list(Verdict)), st.booleans()),
        max_size=200,
    )
)
def test_whatever_happens_it_opens_for_no_longer_than_its_limit_and_only_a_probe_ends_an_opening(steps):
    breaker, now = Breaker(), NOW
    for pause, verdict, probe in steps:
        now += pause
        before, standing = breaker.opening, breaker.standing(now)
        may_probe = probe and standing is Standing.HALF_OPEN
        changed = end(breaker, verdict, now, probe=may_probe)
        assert changed == (breaker.opening != before)
        if changed and breaker.opening is not None:
            assert now < breaker.opening.until <= now + LONGEST
            assert breaker.opening.number == (before.number if before else 0) + 1
        if before is not None and not may_probe:
            assert breaker.opening == before
