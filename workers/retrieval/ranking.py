"""From two lists of hits to the one ranking that was asked for. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.retrieval import Mode
from infra.index.found import Hits
from ingestion.fusion import RRF_K, VECTOR_WEIGHT, convex, reciprocal_rank
from ingestion.ranking import NOTHING, Ranking, ranking

CANDIDATES = 100
"""Of each leg. With 200, hybrid search of SciFact is no better (nDCG@10 .678 instead of .682, ADR 0011)."""


class Legs(NamedTuple):
    """What the vectors say and what the words say, at most `CANDIDATES` chunks each. One not asked for is empty."""

    vector: Ranking = NOTHING
    text: Ranking = NOTHING


def vector_leg(hits: Hits, *, more: bool) -> Ranking:
    """Cosines; `more` where there may be chunks beyond these."""
    absent = float(hits.scores[-1]) if more and len(hits.scores) >= CANDIDATES else 0.0
    return Ranking(hits.ids.astype(np.int64), hits.scores.astype(np.float64), absent)


def text_leg(hits: Hits, passing: NDArray[np.int32]) -> Ranking:
    """BM25's scores of those hits that may be shown."""
    kept = np.isin(hits.ids, passing)
    return ranking(hits.ids[kept], hits.scores[kept], CANDIDATES)


def fused(mode: Mode, legs: Legs, weight: float | None = None) -> Ranking:
    """The ranking of one query, with the scores that `contracts.retrieval.Hit` promises; `weight` is the vector's."""
    match mode:
        case "vector":
            return legs.vector
        case "text":
            return _scaled(legs.text, float(legs.text.scores.max(initial=0.0)))
        case "rrf":
            # Whoever is the first of both legs has 1.
            return _scaled(reciprocal_rank(legs, 2 * CANDIDATES), len(legs) / (RRF_K + 1))
        case "hybrid":
            return convex(*legs, 2 * CANDIDATES, VECTOR_WEIGHT if weight is None else weight)


def best_of(rankings: Sequence[Ranking], most: int, threshold: float | None = None) -> Ranking:
    """The best of several queries' answers: a chunk has the best score that a query gave it."""
    ids = np.unique(np.concatenate([one.ids for one in rankings]))
    scores = np.full(len(ids), -np.inf)
    for one in rankings:
        places = np.searchsorted(ids, one.ids)
        scores[places] = np.maximum(scores[places], one.scores)
    kept = scores >= (-np.inf if threshold is None else threshold)
    return ranking(ids[kept], scores[kept], most)


def _scaled(one: Ranking, top: float) -> Ranking:
    return one._replace(scores=one.scores / top) if top > 0 else one
