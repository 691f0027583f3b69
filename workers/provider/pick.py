"""Which one of several deployments is called: the power of two choices.

Two are drawn by weight, and the one with less to do answers. That is nearly as good as asking all, and does not send
everybody to the same one (https://www.eecs.harvard.edu/~michaelm/postscripts/handbook2001.pdf).
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

CLEARLY = 1.5
"""How many times worse the first draw has to be. Below that it stays: else noise would decide, and not the weights."""


class Load(NamedTuple):
    """What is known of a choice: its weight, the calls it has open here, and how long it takes in seconds, if known."""

    weight: float
    in_flight: int
    latency: float | None


def pick(loads: Sequence[Load], random: Random) -> int:
    """The index of the one to call.

    The cost of a choice is its latency times (open calls / relative weight + 1); an unknown latency is taken to be the
    best known one. So choices that are as fast and have nothing to do get their weight's share of the calls, calls pile
    up in that proportion, and one that is clearly slower gets those for which it is the better one all the same.
    """
    if len(loads) == 1:
        return 0
    first, second = _two(loads, random)
    mean = sum(load.weight for load in loads) / len(loads)
    best = min((load.latency for load in loads if load.latency is not None), default=1.0)
    worse = _cost(loads[first], mean, best) > CLEARLY * _cost(loads[second], mean, best)
    return second if worse else first


def _two(loads: Sequence[Load], random: Random) -> tuple[int, int]:
    """Two different ones, drawn by weight one after the other."""
    indexes = list(range(len(loads)))
    weights = [load.weight for load in loads]
    (first,) = random.choices(indexes, weights)
    del indexes[first], weights[first]
    (second,) = random.choices(indexes, weights)
    return first, second


def _cost(load: Load, mean_weight: float, best: float) -> float:
    latency = best if load.latency is None else load.latency
    return (load.in_flight * mean_weight / load.weight + 1) * latency
