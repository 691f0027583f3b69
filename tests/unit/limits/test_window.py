"""The sliding window of a limit a minute: how long something has to wait, by what was counted when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.limits.window import BUCKET, PAST, bucket_of, seconds_to_reset, seconds_to_wait, used

NOW = 1_700_000_002.0
BUCKETS = st.dictionaries(st.integers(bucket_of(NOW) - PAST - 3, bucket_of(NOW)), st.integers(0, 60), max_size=16)


def ago(seconds: float) -> int:
    return bucket_of(NOW - seconds)


@pytest.mark.parametrize(
    ("counts", "seconds"),
    [
        ({}, 0),
        ({ago(0): 9}, 0),
        # A place is free again sixty to sixty-five seconds after it was taken.
        ({ago(0): 10}, 63),
        ({ago(60): 10}, 3),
        ({ago(65): 10}, 0),
        # The oldest go first; enough of them have to.
        ({ago(40): 1, ago(0): 9}, 23),
        ({ago(40): 9, ago(0): 1}, 23),
        ({ago(40): 1, ago(20): 1, ago(0): 9}, 43),
    ],
)
def test_ten_a_minute(counts: dict[int, int], seconds: float):
    assert seconds_to_wait(10, 1, counts, NOW) == pytest.approx(seconds)


def test_what_is_more_than_the_limit_never_fits():
    assert seconds_to_wait(10, 11, {}, NOW) == float("inf")


def test_a_bucket_that_another_clock_is_in_already_counts():
    assert used({bucket_of(NOW) + 1: 3, bucket_of(NOW): 2}, bucket_of(NOW)) == 5


def test_a_window_is_empty_when_the_last_that_was_counted_has_left():
    assert seconds_to_reset({ago(40): 9, ago(20): 1, ago(0): 0}, NOW) == pytest.approx(43)
    assert seconds_to_reset({ago(20): 0}, NOW) == 0


@given(limit=st.integers(1, 200), amount=st.integers(1, 200), counts=BUCKETS)
def test_after_the_wait_it_fits_and_not_before_if_nobody_counts_in_between(
    limit: int, amount: int, counts: dict[int, int]
):
    amount = min(amount, limit)
    wait = seconds_to_wait(limit, amount, counts, NOW)
    assert 0 <= wait <= (PAST + 1) * BUCKET
    assert used(counts, bucket_of(NOW + wait)) + amount <= limit
    if wait:
        assert used(counts, bucket_of(NOW + wait - 0.001)) + amount > limit


@given(limit=st.integers(1, 20), moments=st.lists(st.floats(0, 200), max_size=120))
def test_in_no_sixty_seconds_pass_more_than_the_limit(limit: int, moments: list[float]):
    counts: dict[int, int] = {}
    passed: list[float] = []
    for moment in sorted(moments):
        if not seconds_to_wait(limit, 1, counts, moment):
            counts[bucket_of(moment)] = counts.get(bucket_of(moment), 0) + 1
            passed.append(moment)
    for end in passed:
        assert sum(end - 60 < moment <= end for moment in passed) <= limit
