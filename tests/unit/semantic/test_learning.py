"""What outcomes open: nothing before enough is known, and no more than the target bears."""

import numpy as np
import pytest

from workers.cache.semantic.bound import at_most, upper_bound
from workers.cache.semantic.candidates import NEIGHBOURS, Neighbour, candidate_of
from workers.cache.semantic.learning import CLOSED, Outcome, Rule, learn, needed

TARGET = 0.01


def outcomes(count: int, *, seed: int, noise: float = 0.0, hit: bool = False) -> list[Outcome]:
    """Proposals whose similarity is the chance of their being right, as steep as a logistic curve of 40; some have
    `noise`: they are wrong whatever their similarity.
    """
    random = np.random.default_rng(seed)
    similarity = random.uniform(0.5, 1.0, count)
    right = (random.random(count) < 1 / (1 + np.exp(-40 * (similarity - 0.75)))) & (random.random(count) >= noise)
    return [Outcome((float(s),), bool(r), hit) for s, r in zip(similarity, right, strict=True)]


@pytest.mark.parametrize(
    ("wrong", "seen", "bound"), [(0, 0, 1.0), (0, 299, 0.00997), (1, 473, 0.00999), (5, 1000, 0.01048), (3, 3, 1.0)]
)
def test_the_bound_is_that_of_clopper_and_pearson(wrong: int, seen: int, bound: float):
    assert upper_bound(wrong, seen, 0.95) == pytest.approx(bound, abs=2e-5)


def test_the_tail_of_a_binomial_sums_up():
    assert at_most(2, 4, 0.5) == pytest.approx(11 / 16)


def test_nothing_is_answered_before_enough_is_known():
    assert not CLOSED.opens((1.0,))
    right = [Outcome((1.0,), right=True)] * (needed(TARGET) - 1)
    assert learn(right, TARGET).threshold is None
    assert learn(right + right[:1], TARGET).opens((1.0,))


def test_a_stricter_target_needs_more():
    assert needed(0.05) < needed(0.01) < needed(0.001)


def test_what_no_score_tells_apart_stays_closed():
    random = np.random.default_rng(1)
    by_chance = [Outcome((float(random.random()),), bool(random.random() < 0.9)) for _ in range(4000)]
    assert learn(by_chance, TARGET).threshold is None


@pytest.mark.parametrize("seed", range(20))
def test_what_opens_keeps_the_target_on_outcomes_that_were_not_learnt_from(seed: int):
    rule = learn(outcomes(8000, seed=seed), TARGET)
    new = [each for each in outcomes(20_000, seed=1000 + seed) if rule.opens(each.evidence)]
    assert len(new) > 2000
    assert sum(not each.right for each in new) / len(new) <= TARGET
    assert rule.bound <= TARGET


@pytest.mark.parametrize("seed", range(5))
def test_labels_that_are_wrong_more_often_than_the_target_open_nothing(seed: int):
    assert learn(outcomes(8000, seed=seed, noise=0.03), TARGET).threshold is None


def test_hits_that_begin_to_be_wrong_close_it_soon():
    good = outcomes(5000, seed=3)
    assert learn(good, TARGET).opens((0.99,))
    turned = [Outcome((0.99,), right=number % 4 != 0, hit=True) for number in range(20)]
    after = learn(good + turned, TARGET)
    assert not after.opens((0.99,))


def test_after_an_error_more_hits_are_verified():
    good = outcomes(5000, seed=3)
    assert learn(good, TARGET).share(0.05, proven=True) == 0.05
    watchful = learn([*good, Outcome((0.8,), right=False, hit=True)], TARGET)
    assert watchful.share(0.05, proven=True) == pytest.approx(0.5)


def test_a_rule_of_other_evidence_opens_nothing():
    assert not Rule((0.0, 1.0), -100.0).opens((1.0, 1.0))


def near(entry_id: int, cluster: int, similarity: float, **more: int) -> Neighbour:
    return Neighbour(entry_id, cluster, similarity, **more)


@pytest.mark.parametrize(
    ("others", "proven"),
    [
        ([], False),
        ([{"right": 1}], True),
        ([{"cluster": 8, "right": 5}], False),
        ([{"right": 1}, {"wrong": 1}], False),
        ([{"right": 30}, {"wrong": 1}], True),
    ],
)
def test_what_nothing_around_has_borne_out_is_always_verified(others: list[dict[str, int]], proven: bool):
    around = [near(2 + n, more.pop("cluster", 7), 0.9, **more) for n, more in enumerate(map(dict, others))]
    proposed = candidate_of([near(1, 7, 0.95), *around])
    assert proposed is not None
    assert proposed.cluster == 7
    assert proposed.is_proven is proven
    assert Rule().share(0.05, proven=proposed.is_proven) == (0.05 if proven else 1.0)


def test_the_nearest_entry_with_the_question_s_facts_is_proposed():
    assert candidate_of([]) is None
    neighbours = [near(1, 7, 0.95, facts=False), near(2, 7, 0.94), near(3, 7, 0.93)]
    proposed = candidate_of(neighbours)
    assert proposed is not None
    assert (proposed.entry_id, proposed.similarity) == (2, 0.94)
    assert candidate_of(neighbours[:1]) is None


def test_a_cluster_outvotes_one_entry_that_is_a_little_nearer():
    neighbours = [near(1, 1, 0.91), *(near(number, 2, 0.90) for number in range(2, NEIGHBOURS + 1))]
    proposed = candidate_of(neighbours)
    assert proposed is not None
    assert proposed.cluster == 2
    assert proposed.evidence[2] == pytest.approx(-0.01)
