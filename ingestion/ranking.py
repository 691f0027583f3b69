"""Candidates with scores, best first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Ranking(NamedTuple):
    """Ids and their scores, best first. `absent` is the most that a candidate can score which is not in it.

    That is 0 where all that match are in it, and the lowest score where it was cut off.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    absent: float = 0.0


NOTHING = Ranking(np.empty(0, np.int64), np.empty(0, np.float64))


def ranking(ids: NDArray[np.integer], scores: NDArray[np.floating], most: int) -> Ranking:
    """Of these candidates, in any order, the best `most`; among equals the lower id comes first."""
    order = np.lexsort((ids, -scores))
    absent = float(scores[order[most - 1]]) if len(order) > most else 0.0
    order = order[:most]
    return Ranking(ids[order].astype(np.int64), scores[order].astype(np.float64), absent)


def best(scores: NDArray[np.floating], most: int) -> Ranking:
    """The best `most` of an array that holds a score by id. What has none (0 and less) is no candidate."""
    threshold = scores.dtype.type(0)
    if len(scores) > most:  # sorting all of a large index would take longer than scoring it
        threshold = max(threshold, np.partition(scores, -most - 1)[-most - 1])
    ids = np.flatnonzero((scores >= threshold) & (scores > 0))
    return ranking(ids, scores[ids], most)
