"""How good one version of an index is: its answers to judged queries, and whether its chunks read back."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from contracts.retrieval import Measured, Mode, ReadBack
from contracts.subjects import Lane
from infra.dispatch.courtesy import Courtesy
from infra.index.evaluation_sets import StoredSet
from infra.index.found import FoundChunk
from infra.index.search import Searcher
from infra.index.version import IndexVersion
from infra.telemetry.tracing import TraceContext
from ingestion.embedding import Vectors
from ingestion.evaluation import by_document, evaluate
from ingestion.ranking import Ranking
from workers.retrieval.legs import LONGEST_QUERY, Wish, search_legs
from workers.retrieval.query_vectors import QueryVectors
from workers.retrieval.ranking import fused
from workers.retrieval.read_back import LOOK, reads_back

_AT_ONCE = 2
_PATIENCE = 0.05
"""Seconds that a query waits for a moment without searches: an evaluation goes on, at some 40 queries a second."""
_BATCH = 128

Runs = dict[Mode, dict[str, dict[str, float]]]
"""For each mode and query the documents that were found, with their scores."""
Item = TypeVar("Item")


class Measuring:
    """Asks queries as searches do, and gives way to those."""

    def __init__(self, searcher: Searcher, vectors: QueryVectors, courtesy: Courtesy) -> None:
        self._searcher = searcher
        self._vectors = vectors
        self._courtesy = courtesy
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def quality(
        self, version: IndexVersion, judged: StoredSet, modes: Sequence[Mode], parent: TraceContext | None
    ) -> list[Measured]:
        """One of each mode. Raises `PenstockError`."""
        runs: Runs = {mode: {} for mode in modes}
        asked = {name: query for name, query in judged.queries.items() if judged.judgements.get(name)}
        by_words = set(modes) <= {"text"}
        for names in _batches(list(asked)):
            texts = [asked[name][:LONGEST_QUERY] for name in names]
            vectors = [None] * len(texts) if by_words else await self._embed(version, texts, parent)
            asking = zip(names, texts, vectors, strict=True)
            await asyncio.gather(*(self._ask(version, name, Wish(text, vector), runs) for name, text, vector in asking))
        return [await asyncio.to_thread(_measured, version, mode, judged, run) for mode, run in runs.items()]

    async def read_back(self, version: IndexVersion, count: int, parent: TraceContext | None) -> ReadBack:
        """Look for a sample of chunks by their own text, newly embedded. Raises `PenstockError`."""
        async with self._gate, self._searcher.version(version.tenant_id, version.id) as search:
            sample = await search.some_chunks(count)
        found = 0
        for chunks in _batches(sample):
            vectors = await self._embed(version, [chunk.text for chunk in chunks], parent)
            pairs = zip(chunks, vectors, strict=True)
            found += sum(await asyncio.gather(*(self._finds(version, chunk, vector) for chunk, vector in pairs)))
        return ReadBack(version=version.id, sampled=len(sample), found=found)

    async def require_model(self, version: IndexVersion) -> None:
        """Raises `PenstockError` (`invalid_request`) where nothing can be compared with the vectors of a version."""
        await self._vectors.require_model(version)

    async def _embed(
        self, version: IndexVersion, texts: Sequence[str], parent: TraceContext | None
    ) -> Sequence[Vectors | None]:
        return await self._vectors.of(version, texts, lane=Lane.BATCH, parent=parent)

    async def _ask(self, version: IndexVersion, name: str, wish: Wish, runs: Runs) -> None:
        async with self._gate:
            await self._courtesy.lull(_PATIENCE)
            async with self._searcher.version(version.tenant_id, version.id) as search:
                legs = await search_legs(search, wish)
                rankings = {mode: fused(mode, legs) for mode in runs}
                owners = await search.owners(sorted({int(chunk) for one in rankings.values() for chunk in one.ids}))
        for mode, one in rankings.items():
            runs[mode][name] = _by_document(one, owners)

    async def _finds(self, version: IndexVersion, chunk: FoundChunk, vector: Vectors | None) -> bool:
        if vector is None:
            return False
        async with self._gate:
            await self._courtesy.lull(_PATIENCE)
            async with self._searcher.version(version.tenant_id, version.id) as search:
                hits = await search.search_vectors(vector, LOOK)
                texts = [near.text for near in await search.fetch(hits.ids.tolist())]
        return reads_back(chunk.text, texts, hits.scores.tolist())


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[begin : begin + _BATCH] for begin in range(0, len(items), _BATCH))


def _by_document(one: Ranking, owners: Mapping[int, str]) -> dict[str, float]:
    scores = {str(chunk): score for chunk, score in zip(one.ids.tolist(), one.scores.tolist(), strict=True)}
    return by_document(scores, {str(chunk): document for chunk, document in owners.items()})


def _measured(version: IndexVersion, mode: Mode, judged: StoredSet, run: dict[str, dict[str, float]]) -> Measured:
    quality = evaluate(run, judged.judgements)
    return Measured(
        version=version.id,
        state=version.state,
        mode=mode,
        evaluation_set=judged.name,
        ndcg=quality.ndcg,
        recall=quality.recall,
        mrr=quality.reciprocal_rank,
        queries=quality.queries,
    )
