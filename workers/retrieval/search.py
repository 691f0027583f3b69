"""Searches in stores: by meaning, by words, by both."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Filter
from contracts.inference import ErrorBody
from contracts.retrieval import RetrievalAnswered, RetrievalRequested
from infra.dispatch.courtesy import Courtesy
from infra.index.search import Searcher, VersionSearch
from infra.index.stores import Store
from infra.index.version import IndexVersion
from infra.telemetry import names
from infra.telemetry.metrics import RetrievalMetrics
from infra.telemetry.told import told
from infra.telemetry.tracing import AttributeValue, TraceContext, Tracer
from ingestion.embedding import Vectors
from ingestion.filters import parse_filter
from workers.retrieval.errors import STAGE, no_version, overloaded
from workers.retrieval.highlights import hits_of, words_of
from workers.retrieval.known_stores import KnownStores
from workers.retrieval.legs import LONGEST_QUERY, Wish, search_legs
from workers.retrieval.query_vectors import QueryVectors
from workers.retrieval.ranking import best_of, fused

AT_ONCE = 6
"""Searches that have a connection each; more would take turns on two cores anyway."""
_LOOKS = 3
_MOST_MODELS = 10_000


@dataclass(frozen=True, slots=True)
class SearchTools:
    """What a search is told by, and whom it tells that it is in hand."""

    tracer: Tracer
    metrics: RetrievalMetrics
    courtesy: Courtesy


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search in a store that has been resolved; `where` is its filter."""

    request: RetrievalRequested
    store: Store
    where: Filter | None
    parent: TraceContext | None

    @property
    def queries(self) -> tuple[str, ...]:
        return tuple(query[:LONGEST_QUERY] for query in self.request.queries)


class Search:
    """Answers searches, at most `AT_ONCE` at a time."""

    def __init__(self, searcher: Searcher, stores: KnownStores, vectors: QueryVectors, tools: SearchTools) -> None:
        self._stores = stores
        self._vectors = vectors
        self._searcher = searcher
        self._tracer = tools.tracer
        self._metrics = tools.metrics
        self._courtesy = tools.courtesy
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._made_by: dict[tuple[str, str, int | None], IndexVersion] = {}

    async def search(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None = None
    ) -> RetrievalAnswered:
        """What was found, or in `error` why nothing could be. A store without an index is an empty one."""
        begun = time.perf_counter()
        try:
            with self._courtesy.passing():
                answer = await self._resolved(tenant, request, parent)
        except PenstockError as error:
            answer = RetrievalAnswered(error=ErrorBody.of(error))
        outcome = answer.error.code if answer.error else "found" if answer.hits else "empty"
        self._metrics.searches.labels(request.mode, outcome).inc()
        self._metrics.seconds.observe(request.mode, time.perf_counter() - begun, parent)
        return answer

    async def _resolved(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None
    ) -> RetrievalAnswered:
        where = None if request.filters is None else parse_filter(request.filters, stage=STAGE)
        store = await self._stores.find(tenant, request.store)
        return await self._search(_Asked(request, store, where, parent))

    async def _search(self, asked: _Asked) -> RetrievalAnswered:
        """Where a version is gone, its store has switched to another meanwhile, or is gone itself: it is asked anew."""
        try:
            return await self._once(asked)
        except PenstockError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
        request = asked.request
        store = await self._stores.find(asked.store.tenant_id, request.store, anew=True)
        if store.live_version is None and request.version is None:
            return RetrievalAnswered(store_id=store.id, confidential=store.confidential)
        return await self._once(_Asked(request, store, asked.where, asked.parent))

    async def _once(self, asked: _Asked) -> RetrievalAnswered:
        """Queries are embedded before the search is opened, whose transaction would wait for a provider else: by the
        model that the store was last seen with, and once more if it is another one by now.
        """
        key = (asked.store.tenant_id, asked.store.id, asked.request.version)
        for _ in range(_LOOKS):
            known = self._made_by.get(key)
            vectors = await self._embed(asked, known)
            async with self._gate, self._open(asked) as search:
                version = search.version
                if version.store_id != asked.store.id:
                    raise no_version(version.id)
                if asked.request.mode == "text" or (known is not None and _same_model(known, version)):
                    return await self._found(search, asked, vectors)
            self._remember(key, version)
        raise overloaded("the index changes faster than it can be searched: try again in a moment")

    def _open(self, asked: _Asked) -> AbstractAsyncContextManager[VersionSearch]:
        if asked.request.version is None:
            return self._searcher.live(asked.store.tenant_id, asked.store.id)
        return self._searcher.version(asked.store.tenant_id, asked.request.version)

    def _remember(self, key: tuple[str, str, int | None], version: IndexVersion) -> None:
        if len(self._made_by) >= _MOST_MODELS:
            self._made_by.clear()
        self._made_by[key] = version

    async def _embed(self, asked: _Asked, version: IndexVersion | None) -> Sequence[Vectors | None]:
        if asked.request.mode == "text" or version is None:
            return [None] * len(asked.queries)
        span = self._tracer.start(
            names.EMBED_SPAN, SpanKind.INTERNAL, asked.parent, {names.GEN_AI_REQUEST_MODEL: version.model}
        )
        try:
            vectors = await self._vectors.of(version, asked.queries, parent=span.context)
        except PenstockError as error:
            span.end(told(error))
            raise
        span.end()
        return vectors

    async def _found(
        self, search: VersionSearch, asked: _Asked, vectors: Sequence[Vectors | None]
    ) -> RetrievalAnswered:
        span = self._tracer.start(names.SEARCH_SPAN, SpanKind.INTERNAL, asked.parent, _attributes(search, asked))
        try:
            answer = await self._ranked(search, asked, vectors)
        except PenstockError as error:
            span.end(told(error))
            raise
        span.attributes[names.RETRIEVAL_HITS] = len(answer.hits)
        span.end()
        return answer

    async def _ranked(
        self, search: VersionSearch, asked: _Asked, vectors: Sequence[Vectors | None]
    ) -> RetrievalAnswered:
        request, rankings = asked.request, []
        for query, vector in zip(asked.queries, vectors, strict=True):
            legs = await search_legs(search, Wish.of(request.mode, query, vector, asked.where))
            rankings.append(fused(request.mode, legs, request.vector_weight))
        best = best_of(rankings, request.limit, request.score_threshold)
        chunks = await search.fetch(best.ids.tolist()) if len(best.ids) else []
        return RetrievalAnswered(
            store_id=asked.store.id,
            version=search.version.id,
            confidential=asked.store.confidential,
            hits=hits_of(chunks, best.scores.tolist(), words_of(asked.queries)),
        )


def _same_model(one: IndexVersion, other: IndexVersion) -> bool:
    return (one.model, one.revision, one.dimension) == (other.model, other.revision, other.dimension)


def _attributes(search: VersionSearch, asked: _Asked) -> dict[str, AttributeValue]:
    return {
        names.RETRIEVAL_MODE: asked.request.mode,
        names.RETRIEVAL_QUERIES: len(asked.request.queries),
        names.STORE: asked.store.id,
        names.INDEX_VERSION: search.version.id,
    }
