"""Rankings, and two of them as one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.fusion import convex, reciprocal_rank
from ingestion.ranking import NOTHING, Ranking, best, ranking


def rank(scores: dict[int, float], absent: float = 0.0) -> Ranking:
    found = ranking(np.array([*scores], np.int64), np.array([*scores.values()], float), len(scores))
    return found._replace(absent=absent)


def as_dict(found: Ranking) -> dict[int, Any]:
    return dict(zip(found.ids.tolist(), found.scores.tolist(), strict=True))


# Rankings


@given(scores=st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]), max_size=40), most=st.integers(1, 12))
def test_the_best_are_the_highest_positive_scores_in_order(scores: list[float], most: int):
    expected = sorted(((-score, number) for number, score in enumerate(scores) if score > 0))
    found = best(np.array(scores, np.float32), most)
    assert list(zip((-found.scores).tolist(), found.ids.tolist(), strict=True)) == expected[:most]
    cut_off = len(expected) > most
    assert found.absent == (-expected[most - 1][0] if cut_off else 0.0)


# Convex combination


def test_scores_are_weighted_sums_of_both_from_0_to_each_ones_best():
    fused = convex(rank({1: 0.8, 2: 0.4}), rank({1: 5.0, 3: 10.0}), 10, weight=0.6)
    assert as_dict(fused) == pytest.approx({1: 0.6 * 1 + 0.4 * 0.5, 2: 0.6 * 0.5, 3: 0.4 * 1})
    assert fused.ids.tolist() == [1, 3, 2]


def test_a_candidate_that_was_cut_off_may_score_as_much_as_the_last_one():
    fused = convex(rank({1: 0.8, 2: 0.4}, absent=0.4), rank({3: 10.0}), 10, weight=0.5)
    assert as_dict(fused) == pytest.approx({1: 0.5, 2: 0.25, 3: 0.5 * 0.5 + 0.5})


def test_one_empty_ranking_leaves_the_others_order():
    found = rank({1: 0.8, 2: 0.4})
    assert convex(found, NOTHING, 10).ids.tolist() == convex(NOTHING, found, 10).ids.tolist() == [1, 2]
    assert convex(NOTHING, NOTHING, 10).ids.tolist() == []


def test_a_ranking_without_positive_scores_has_no_say():
    fused = convex(rank({1: -0.2, 2: -0.5}), rank({2: 3.0, 1: 1.0}), 10)
    assert fused.ids.tolist() == [2, 1]


def test_no_more_than_asked_for_are_found():
    fused = convex(rank({1: 3.0, 2: 2.0, 3: 1.0}), NOTHING, 2)
    assert fused.ids.tolist() == [1, 2]


SCORES = st.dictionaries(st.integers(0, 20), st.floats(0.01, 100), max_size=10)


@given(vector=SCORES, text=SCORES, factor=st.floats(0.01, 100))
def test_the_order_does_not_depend_on_the_scale_of_either(
    vector: dict[int, float], text: dict[int, float], factor: float
):
    scaled = {number: score * factor for number, score in text.items()}
    first, second = (as_dict(convex(rank(vector), rank(other), 20)) for other in (text, scaled))
    assert first == pytest.approx(second)
    assert all(0 <= score <= 1 for score in first.values())


# Reciprocal ranks


def test_ranks_add_up():
    fused = reciprocal_rank([rank({1: 9.0, 2: 8.0}), rank({2: 0.2, 3: 0.1})], 10, k=60)
    assert as_dict(fused) == pytest.approx({2: 1 / 62 + 1 / 61, 1: 1 / 61, 3: 1 / 62})
    assert fused.ids.tolist() == [2, 1, 3]


def test_equals_are_in_the_order_of_their_ids():
    assert reciprocal_rank([rank({7: 1.0}), rank({3: 1.0})], 10).ids.tolist() == [3, 7]


def test_nothing_fuses_to_nothing():
    assert reciprocal_rank([], 10).ids.tolist() == reciprocal_rank([NOTHING, NOTHING], 10).ids.tolist() == []
