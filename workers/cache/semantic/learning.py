"""What verified outcomes teach: how evidence is weighed, and from where on an entry may answer.

A logistic regression over all outcomes of a group ranks proposals: so an entry profits of what was found for others,
and by its own record differs from them. What may be answered is decided without trusting that model: a score is open
only where, of all outcomes at or above it, so few were wrong that the rate's upper confidence bound is well within
the target. It tests `_LOOKS` sizes of that set, and shares the error it may make among them (Bonferroni). As in vCache
(arXiv 2502.03771) each entry has its own threshold, and nothing is answered before enough has been seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.cache.semantic.bound import at_most, upper_bound

WINDOW = 20_000
"""Outcomes that count, the newest ones."""
CONFIDENCE = 0.95
_LOOKS = 6
_AIM = 0.8
"""Of the target: what is learnt is to keep this much of it, as what comes next is never quite like what came before."""
_MOST = 0.6
_FEWEST, _PART = 100, 20
_RIDGE = 1.0
_NEWTON_STEPS = 15
_RECENT = 60
_ALARM = 0.005
"""How unlikely the recent hits' errors have to be, at the target, for what was before them to be forgotten."""
_WATCHED = 20
WATCHFUL = 10
"""By how much the verified share rises while an error is among the last `_WATCHED` verified hits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A proposal and whether the model's answer was the same. `hit`: the rule of its time would have answered."""

    evidence: tuple[float, ...]
    right: bool
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`weights` begin with the constant. `threshold` None is closed. `wrong` of `seen` outcomes at or above it were;
    `bound` is the false-hit rate that they leave possible at `CONFIDENCE`.
    """

    weights: tuple[float, ...] = ()
    threshold: float | None = None
    seen: int = 0
    wrong: int = 0
    bound: float = 1.0
    watchful: bool = False

    def opens(self, evidence: Sequence[float]) -> bool:
        """Whether a proposal with this evidence is answered."""
        if self.threshold is None or len(evidence) + 1 != len(self.weights):
            return False
        return self.score(evidence) >= self.threshold

    def score(self, evidence: Sequence[float]) -> float:
        """The log-odds of its being right, as far as the model can say."""
        return self.weights[0] + math.fsum(w * x for w, x in zip(self.weights[1:], evidence, strict=True))

    def share(self, verify: float, *, proven: bool) -> float:
        """The share of hits that are verified, where `verify` are normally; all of those that are not `proven`."""
        if not proven:
            return 1.0
        return min(1.0, verify * WATCHFUL) if self.watchful else verify


CLOSED = Rule()


def learn(outcomes: Sequence[Outcome], target: float) -> Rule:
    """The rule after these outcomes, oldest first; `target` is the rate of false hits among hits that it keeps to.

    Closed where they are too few, all of one kind, or bear no score out.
    """
    outcomes = _since_a_change(outcomes[-WINDOW:], target)
    sizes = _sizes(target, len(outcomes))
    watchful = any(not each.right for each in [each for each in outcomes if each.hit][-_WATCHED:])
    if not sizes:
        return Rule(watchful=watchful)
    evidence = np.array([each.evidence for each in outcomes], np.float64)
    right = np.array([each.right for each in outcomes], np.bool_)
    weights = _fit(evidence, right.astype(np.float64))
    scores = weights[0] + evidence @ weights[1:]
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order])
    confidence = 1 - (1 - CONFIDENCE) / _LOOKS
    found = Rule(tuple(weights.tolist()), watchful=watchful)
    for size in sizes:
        bound = upper_bound(int(wrong[size - 1]), size, confidence)
        if bound <= target * _AIM:
            threshold = float(scores[order[size - 1]])
            found = Rule(found.weights, threshold, size, int(wrong[size - 1]), bound, watchful)
    return found


def is_due(new: int, known: int) -> bool:
    """Whether `new` outcomes since the last rule, of `known` in all, are worth another one."""
    return new >= max(_FEWEST, known // _PART)


def needed(target: float) -> int:
    """Outcomes without an error, at least, before anything is answered."""
    return math.ceil(math.log((1 - CONFIDENCE) / _LOOKS) / math.log1p(-target * _AIM))


def _sizes(target: float, seen: int) -> list[int]:
    """How many of the best outcomes are looked at: from `needed` to `_MOST` of all, evenly by their logarithm."""
    least = needed(target)
    if seen < least:
        return []
    steps: list[int] = np.geomspace(least, max(least, _MOST * seen), _LOOKS).round().astype(int).tolist()
    return sorted(set(steps))


def _since_a_change(outcomes: Sequence[Outcome], target: float) -> Sequence[Outcome]:
    """Where verified hits went wrong lately more often than chance allows, what was before them says nothing of now."""
    hits = [number for number, each in enumerate(outcomes) if each.hit][-_RECENT:]
    wrong = sum(not outcomes[number].right for number in hits)
    if wrong < 2 or 1 - at_most(wrong - 1, len(hits), target) > _ALARM:
        return outcomes
    return outcomes[hits[0] :]


def _fit(evidence: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (1 + columns,) of a ridge-regularised logistic regression, by Newton's method on standardised columns."""
    centre, scale = evidence.mean(axis=0), evidence.std(axis=0) + 1e-6
    columns = np.column_stack([np.ones(len(evidence)), (evidence - centre) / scale])
    ridge = np.full(columns.shape[1], _RIDGE)
    ridge[0] = 0.01
    weights = np.zeros(columns.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        slope = columns.T @ (chance - right) + ridge * weights
        curve = (columns.T * (chance * (1 - chance) + 1e-6)) @ columns + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-4:
            break
    scaled = weights[1:] / scale
    return np.concatenate([[weights[0] - scaled @ centre], scaled])
