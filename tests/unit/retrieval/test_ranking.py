"""From the hits of both legs to the scores and the order that a search answers."""

import numpy as np
import pytest

from contracts.retrieval import Mode
from infra.index.found import Hits
from ingestion.ranking import NOTHING, Ranking
from workers.retrieval.ranking import CANDIDATES, Legs, best_of, fused, text_leg, vector_leg


def hits(scores: dict[int, float]) -> Hits:
    return Hits(np.array(list(scores), np.int32), np.array(list(scores.values()), np.float32))


def scores_of(ranking: Ranking) -> dict[int, float]:
    return dict(zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True))


VECTOR = vector_leg(hits({1: 0.8, 2: 0.4, 3: -0.2}), more=False)
TEXT = text_leg(hits({2: 10.0, 4: 5.0}), np.array([2, 4], np.int32))
BOTH = Legs(VECTOR, TEXT)


def test_the_vector_alone_has_its_cosines():
    assert scores_of(fused("vector", BOTH)) == pytest.approx({1: 0.8, 2: 0.4, 3: -0.2})


def test_words_alone_are_measured_by_the_best():
    assert scores_of(fused("text", BOTH)) == {2: 1.0, 4: 0.5}


def test_hybrid_weighs_both_from_0_to_the_best():
    found = scores_of(fused("hybrid", BOTH))
    assert found == pytest.approx({2: 0.6 * 0.5 + 0.4, 1: 0.6, 4: 0.4 * 0.5, 3: 0.0})
    assert list(found) == [2, 1, 4, 3]


def test_the_weight_can_be_another():
    assert scores_of(fused("hybrid", BOTH, 0.0)) == pytest.approx({2: 1.0, 4: 0.5, 1: 0, 3: 0})
    assert next(iter(scores_of(fused("hybrid", BOTH, 1.0)))) == 1


def test_who_is_first_of_both_legs_has_1_by_rank():
    first_of_both = Legs(vector_leg(hits({7: 0.1, 8: 0.05}), more=False), text_leg(hits({7: 1.0}), np.array([7])))
    found = scores_of(fused("rrf", first_of_both))
    assert found[7] == pytest.approx(1)
    assert found[8] == pytest.approx(61 / 62 / 2)


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text", "rrf"])
def test_where_no_leg_finds_anything_nothing_is_found(mode: Mode):
    assert scores_of(fused(mode, Legs())) == {}


def test_a_leg_that_was_cut_off_may_hide_scores_up_to_its_last():
    many = hits({number: 1 - number / 1000 for number in range(CANDIDATES)})
    assert vector_leg(many, more=True).absent == pytest.approx(0.901)
    assert vector_leg(many, more=False).absent == 0
    assert vector_leg(hits({1: 0.5}), more=True).absent == 0
    longer = hits({number: 1000.0 - number for number in range(CANDIDATES + 1)})
    every = np.arange(CANDIDATES + 1, dtype=np.int32)
    assert text_leg(longer, every).absent == 1000 - CANDIDATES + 1
    assert text_leg(longer, every[:-1]).absent == 0


def test_words_of_chunks_that_do_not_pass_are_left_out():
    assert text_leg(hits({2: 10.0, 4: 5.0}), np.array([4], np.int32)).ids.tolist() == [4]


def test_of_several_queries_a_chunk_has_its_best_score():
    one = Ranking(np.array([1, 2]), np.array([0.9, 0.1]))
    other = Ranking(np.array([2, 3]), np.array([0.8, 0.3]))
    assert scores_of(best_of([one, other], 10)) == {1: 0.9, 2: 0.8, 3: 0.3}
    assert scores_of(best_of([one, other], 1)) == {1: 0.9}
    assert scores_of(best_of([one, NOTHING], 10)) == {1: 0.9, 2: 0.1}
    assert scores_of(best_of([NOTHING], 10)) == {}


def test_a_threshold_is_met_by_what_has_just_that_score():
    one = Ranking(np.array([1, 2, 3]), np.array([0.9, 0.5, 0.4]))
    assert scores_of(best_of([one], 10, 0.5)) == {1: 0.9, 2: 0.5}
    assert scores_of(best_of([VECTOR], 10, 0.0)) == pytest.approx({1: 0.8, 2: 0.4})
