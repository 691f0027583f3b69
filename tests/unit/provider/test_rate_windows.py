"""The sliding window of a rate limit: how long a call has to wait, by what this minute and the last one have seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.provider.rate_limits import seconds_to_wait


@pytest.mark.parametrize(
    ("counted", "before", "passed", "seconds"),
    [
        (0, 0, 0.0, 0),
        (9, 0, 0.5, 0),
        # The whole last minute lies within the last sixty seconds, then half of it, then a tenth.
        (0, 10, 0.0, 6),
        (0, 10, 0.1, 0),
        (5, 10, 0.5, 6),
        (4, 10, 0.5, 0),
        (9, 10, 0.9, 6),
        # This minute alone is full: a tenth of the next one has to pass.
        (10, 0, 0.5, 36),
        (10, 10, 0.0, 66),
    ],
)
def test_ten_a_minute(counted: int, before: int, passed: float, seconds: float):
    assert seconds_to_wait(10, 1, counted, before, passed) == pytest.approx(seconds, abs=1e-6)


def test_one_that_takes_the_whole_limit_waits_for_an_empty_minute():
    assert seconds_to_wait(10, 10, 0, 0, 0.7) == 0
    assert seconds_to_wait(10, 10, 3, 0, 0.5) == pytest.approx(90)


@given(
    limit=st.integers(1, 1000),
    amount=st.integers(1, 1000),
    counted=st.integers(0, 3000),
    before=st.integers(0, 3000),
    passed=st.floats(0, 0.999),
)
def test_after_the_wait_it_fits_if_nobody_counts_in_between(
    limit: int, amount: int, counted: int, before: int, passed: float
):
    amount = min(amount, limit)
    wait = seconds_to_wait(limit, amount, counted, before, passed)
    assert 0 <= wait <= 120
    assert (wait == 0) == (before * (1 - passed) + counted + amount <= limit)
    then = passed + wait / 60
    # In the next minute, this one's count is the last one's.
    counts = (counted, before, then) if then < 1 else (0, counted, then - 1)
    assert counts[1] * max(1 - counts[2], 0) + counts[0] + amount <= limit + 1e-6
