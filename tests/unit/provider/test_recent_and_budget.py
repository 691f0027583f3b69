"""Counts that forget second by second, and the retry budget that is made of them."""

import pytest

from workers.provider.recent import Recent
from workers.provider.retry_budget import RESERVE, SECONDS, SHARE, RetryBudget

NOW = 1_700_000_000.0


def test_what_is_older_than_the_window_is_forgotten_second_by_second():
    recent = Recent(3)
    for second in range(3):
        recent.add(second % 2, NOW + second)
    assert recent.counts(NOW + 2) == (2, 1)
    assert recent.counts(NOW + 3) == (1, 1)
    assert recent.counts(NOW + 4) == (1, 0)
    assert recent.counts(NOW + 5) == (0, 0)


def test_a_long_silence_forgets_all():
    recent = Recent(3)
    recent.add(0, NOW)
    assert recent.counts(NOW + 1e6) == (0, 0)
    recent.add(1, NOW + 1e6)
    assert recent.counts(NOW + 1e6) == (0, 1)


def test_a_clock_that_is_set_back_forgets_nothing():
    recent = Recent(3)
    recent.add(0, NOW)
    recent.add(0, NOW - 100)
    assert recent.counts(NOW) == (2, 0)


def spend(budget: RetryBudget, now: float) -> int:
    """Retry as long as it may be, and count."""
    spent = 0
    while budget.allows(now):
        budget.again(now)
        spent += 1
    return spent


@pytest.mark.parametrize("first", [0, 1, 9, 10, 100, 1000])
def test_retries_are_a_share_of_the_first_calls_and_a_reserve(first: int):
    budget = RetryBudget()
    for _ in range(first):
        budget.first(NOW)
    assert spend(budget, NOW) == RESERVE + int(SHARE * first)


def test_a_budget_that_is_spent_comes_back_when_its_seconds_are_over():
    budget = RetryBudget()
    assert spend(budget, NOW) == RESERVE
    assert not budget.allows(NOW + SECONDS - 1)
    assert spend(budget, NOW + SECONDS) == RESERVE


def test_in_a_long_outage_there_is_at_most_one_retry_to_ten_calls_and_the_reserve():
    budget, retries, seconds, rate = RetryBudget(), 0, 60, 100
    for second in range(seconds):
        for _ in range(rate):
            budget.first(NOW + second)
            retries += spend(budget, NOW + second)
    assert retries <= SHARE * seconds * rate + RESERVE * seconds / SECONDS
