"""Hybrid searches as the retrieval worker makes them, timed; and what they find against what there is."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.index_corpus import Corpus, Query, filter_of
from benchmarks.processes import BenchmarkError
from infra.index.found import FoundChunk, Hits
from infra.index.search import Searcher, VersionSearch
from infra.index.words import best_by_words

K = 10
_CANDIDATES = 100
_VECTOR_WEIGHT = 0.6


async def hybrid(search: VersionSearch, query: Query) -> list[FoundChunk]:
    """The best ten by both legs, fused by a convex combination of scores: what it costs is measured here, not how good
    it is.
    """
    async with search.ask(query.vector, query.words, _CANDIDATES) as asked:
        by_words = best_by_words(await asked.postings(), _CANDIDATES)
        by_vector = (await asked.nearest()).hits
    ranked = _fuse(by_vector, by_words)
    return await search.fetch((await search.first_passing(ranked, K)).tolist())


async def timed(
    searcher: Searcher, where: tuple[str, str], queries: Sequence[Query], in_flight: int
) -> tuple[list[int], float]:
    """Nanoseconds of each search in `where` (tenant, store), so many in flight, and how many were answered a second."""
    left, taken = iter(queries), list[int]()

    async def caller() -> None:
        for query in left:
            begun = time.perf_counter_ns()
            async with searcher.live(*where) as search:
                found = await hybrid(search, query)
            taken.append(time.perf_counter_ns() - begun)
            if len(found) != K:
                raise BenchmarkError(f"a search found {len(found)} chunks and not {K}.")

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return taken, len(taken) / (time.perf_counter() - begun)


async def recall(
    searcher: Searcher, where: tuple[str, str], corpus: Corpus, queries: Sequence[Query], percent: int
) -> tuple[float, list[int]]:
    """recall@10 of the vector leg against all similarities computed here, for a filter that so many hundredths pass;
    and the nanoseconds of each.
    """
    wanted = filter_of(percent) if percent < 100 else None
    met, taken = 0, []
    for query in queries:
        begun = time.perf_counter_ns()
        async with searcher.live(*where) as search:
            hits = await search.search_vectors(query.vector, K, wanted)
        taken.append(time.perf_counter_ns() - begun)
        met += len(corpus.nearest(query.vector, K, percent) & set(hits.ids.tolist()))
    return met / (K * len(queries)), taken


def _fuse(by_vector: Hits, by_words: Hits) -> NDArray[np.int32]:
    ids = np.union1d(by_vector.ids, by_words.ids)
    scores = np.zeros(len(ids))
    for hits, weight in ((by_vector, _VECTOR_WEIGHT), (by_words, 1 - _VECTOR_WEIGHT)):
        if len(hits.ids):
            scores[np.searchsorted(ids, hits.ids)] += weight * np.clip(hits.scores / hits.scores.max(), 0, 1)
    return np.asarray(ids[np.argsort(-scores, kind="stable")], np.int32)
