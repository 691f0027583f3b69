"""Power of two choices: by weight where all are alike, away from what is slow or busy."""

from collections import Counter
from random import Random

import pytest

from workers.provider.average import FRESH, TIME_CONSTANT, Average
from workers.provider.pick import CLEARLY, Load, pick

CALLS = 4000
NOW = 1_700_000_000.0


def shares(*loads: Load) -> list[float]:
    """How often each is chosen, of all calls."""
    random = Random(1)
    counts = Counter(pick(loads, random) for _ in range(CALLS))
    return [counts[index] / CALLS for index in range(len(loads))]


def test_the_only_one_is_chosen():
    assert pick([Load(1, 1000, 60.0)], Random(1)) == 0


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (0.05, 1), (100, 100), (1, 2, 3)])
@pytest.mark.parametrize("latency", [None, 0.5])
def test_where_all_are_alike_each_gets_its_weights_share(weights: tuple[float, ...], latency: float | None):
    expected = [weight / sum(weights) for weight in weights]
    assert shares(*(Load(weight, 0, latency) for weight in weights)) == pytest.approx(expected, abs=0.03)


def test_one_that_is_clearly_slower_is_left_alone():
    assert shares(Load(1, 0, 0.1), Load(1, 0, 1.0)) == [1.0, 0.0]
    assert shares(Load(1, 0, 0.1), Load(100, 0, 1.0)) == [1.0, 0.0]


def test_one_that_is_a_little_slower_keeps_its_share():
    assert shares(Load(1, 0, 1.0), Load(1, 0, CLEARLY * 0.99)) == pytest.approx([0.5, 0.5], abs=0.03)


def test_the_slower_one_gets_the_calls_that_would_wait_longer_at_the_fast_one():
    assert shares(Load(1, 20, 0.1), Load(1, 0, 1.0)) == [0.0, 1.0]


def test_the_one_with_less_to_do_is_chosen():
    assert shares(Load(1, 4, 0.5), Load(1, 0, 0.5)) == [0.0, 1.0]


def test_open_calls_are_held_against_the_weight():
    """Thirty calls at the large one are no more than ten at the small one."""
    assert shares(Load(3, 30, 0.5), Load(1, 10, 0.5)) == pytest.approx([0.75, 0.25], abs=0.03)
    assert shares(Load(3, 30, 0.5), Load(1, 30, 0.5)) == [1.0, 0.0]


def test_of_one_that_nothing_is_known_of_the_best_is_believed():
    assert shares(Load(1, 0, 0.1), Load(1, 0, None)) == pytest.approx([0.5, 0.5], abs=0.03)
    assert shares(Load(1, 0, 0.1), Load(1, 5, None)) == [1.0, 0.0]


def test_nobody_sends_everybody_to_the_same_one_of_many():
    found = shares(*(Load(1, 0, 0.1 * (index + 1)) for index in range(8)))
    assert max(found) < 0.5


def test_an_average_begins_with_the_first_measurement_and_follows_the_later_ones():
    average = Average()
    assert average.expected(NOW) is None
    average.observe(2.0, NOW)
    assert average.expected(NOW) == 2.0
    average.observe(4.0, NOW + TIME_CONSTANT)
    expected = average.expected(NOW + TIME_CONSTANT)
    assert expected is not None
    assert 3.2 < expected < 3.3
    for second in range(60):
        average.observe(4.0, NOW + 20 + second)
    assert average.expected(NOW + 80) == pytest.approx(4.0, abs=0.01)


def test_a_burst_weighs_no_more_than_its_time():
    average = Average()
    average.observe(1.0, NOW)
    for number in range(1000):
        average.observe(9.0, NOW + number / 10_000)
    expected = average.expected(NOW + 0.1)
    assert expected is not None
    assert expected < 1.1


def test_what_is_old_is_not_known_any_more():
    average = Average()
    average.observe(2.0, NOW)
    assert average.expected(NOW + FRESH) == 2.0
    assert average.expected(NOW + FRESH + 1) is None
    average.observe(6.0, NOW + 1000)
    assert average.expected(NOW + 1000) == pytest.approx(6.0)
