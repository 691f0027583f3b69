"""Searches in a version of an index. Each is one transaction: it sees one moment, and one tenant."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import Composed
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.filters import Filter
from infra.index import queries
from infra.index.asked import Asked, Nearest, Posted, Query
from infra.index.filters import Condition, condition_of
from infra.index.found import FoundChunk, Hits, in_order, unpack
from infra.index.postings import Postings, stored_term
from infra.index.postings_cache import PostingsCache
from infra.index.scan import SAMPLE, Scan, along_graph, plan
from infra.index.snapshot import snapshot
from infra.index.transaction import Driver, not_found
from infra.index.vectors import HalfVector, HalfVectorDumper, from_halfvec
from infra.index.version import COLUMNS, IndexVersion, VersionState, refused

_FIRST_LOOK, _LOOK_FURTHER = 200, 4
_MIXED = 10
"""A sample is taken page by page: one so many times as large is mixed enough."""


class Searcher:
    """Opens searches, and remembers up to `cache_bytes` of frequent words' postings between them.

    Raises `PenstockError`: `not_found`, or `pipeline_unavailable`, retryable.
    """

    def __init__(self, engine: AsyncEngine, *, cache_bytes: int = 64 * 1024 * 1024) -> None:
        self._engine = engine
        self._cache = PostingsCache(cache_bytes)

    @asynccontextmanager
    async def live(self, tenant: str, store: str) -> AsyncIterator["VersionSearch"]:
        """A search in the version that answers for a store."""
        async with self._open(tenant, queries.LIVE, store, f"an index of the vector store {store!r}") as search:
            yield search

    @asynccontextmanager
    async def version(self, tenant: str, version_id: int) -> AsyncIterator["VersionSearch"]:
        """A search in a version of any state: to judge it before it goes live."""
        async with self._open(tenant, queries.BY_NUMBER, version_id, "the index version") as search:
            yield search

    @asynccontextmanager
    async def _open(self, tenant: str, query: bytes, key: str | int, what: str) -> AsyncIterator["VersionSearch"]:
        async with snapshot(self._engine, tenant) as driver:
            driver.adapters.register_dumper(HalfVector, HalfVectorDumper)
            rows = await Query(query, (key,)).rows(driver)
            version = IndexVersion(*rows[0][: len(COLUMNS)]) if rows else None
            if version is None or version.state == VersionState.DROPPED:
                raise not_found(what)
            yield VersionSearch(driver, version, self._cache)


class VersionSearch:
    """One search, or several of one moment, in one version; not several at once.

    Every method raises `PenstockError`: `invalid_request` for a vector or a filter that does not fit.
    """

    def __init__(self, driver: Driver, version: IndexVersion, cache: PostingsCache) -> None:
        self._driver = driver
        self._cache = cache
        self._effort = version.graph_effort
        self.version = version

    @asynccontextmanager
    async def ask(
        self,
        vector: NDArray[np.floating[Any]] | None,
        terms: Sequence[str],
        limit: int,
        where: Filter | None = None,
        *,
        by: Scan | None = None,
    ) -> AsyncIterator[Asked]:
        """Ask for both legs of a hybrid search at once: postings of `terms`, and the `limit` chunks nearest to `vector`
        (dimension,) of those that pass the filter. `by` says how, for those who compare: `EXACT` misses nothing.
        """
        half = self._half(vector)
        condition = condition_of(where) if where else None
        scan = by or await self._plan(condition, limit)
        await self._set_effort(scan)
        asked = Asked(self._driver, self._posted(terms), self._nearest(half, condition, limit, scan))
        try:
            yield asked
        finally:
            await asked.end()

    async def search_vectors(
        self, vector: NDArray[np.floating[Any]], limit: int, where: Filter | None = None, *, by: Scan | None = None
    ) -> Hits:
        """The `limit` chunks nearest to `vector` (dimension,) of those that pass the filter; see `ask`."""
        async with self.ask(vector, (), limit, where, by=by) as asked:
            return (await asked.nearest()).hits

    async def postings(self, terms: Sequence[str]) -> Postings:
        """Where words stand, for BM25; a word that stands nowhere is left out."""
        posted = self._posted(terms)
        return posted.read(await posted.query.rows(self._driver))

    async def first_passing(
        self, ranked: NDArray[np.integer[Any]], limit: int, where: Filter | None = None
    ) -> NDArray[np.int32]:
        """The first `limit` of `ranked` chunk ids that pass the filter and have not been deleted, in their order."""
        nothing_deleted = self.version.posted == self.version.chunks
        if where is None and nothing_deleted:
            return ranked[:limit].astype(np.int32)
        condition = condition_of(where) if where else None
        query = queries.those_passing(self.version.id, condition)
        found: list[NDArray[Any]] = []
        start, look = 0, max(_FIRST_LOOK, 2 * limit)
        while start < len(ranked) and sum(map(len, found)) < limit:
            looked_at = ranked[start : start + look]
            ((packed,),) = await self._rows(query, (looked_at.tolist(), *self._parameters(condition)))
            found.append(looked_at[np.isin(looked_at, unpack(packed, ">i4"))])
            start, look = start + look, look * _LOOK_FURTHER
        return np.concatenate([np.zeros(0, np.int32), *found])[:limit].astype(np.int32)

    async def fetch(self, ids: Sequence[int]) -> list[FoundChunk]:
        """The chunks themselves, in the order of `ids`; those that are gone are left out."""
        asked = [int(chunk) for chunk in ids]
        return in_order(await self._rows(queries.chunks(self.version.id), (self.version.store_id, asked)), asked)

    async def owners(self, ids: Sequence[int]) -> dict[int, str]:
        """Whose document each chunk belongs to; those that are gone are left out."""
        return dict(await self._rows(queries.owners(self.version.id), ([int(chunk) for chunk in ids],)))

    async def some_chunks(self, count: int) -> list[FoundChunk]:
        """At most `count` chunks, the same ones each time as long as none is written or deleted."""
        rows = await self._rows(queries.some_ids(self.version.id), (self._percentage(count), count))
        return await self.fetch([chunk for (chunk,) in rows])

    async def some_vectors(self, count: int) -> NDArray[np.float32]:
        """At most `count` vectors of chunks (count, dimension), the same ones each time."""
        rows = await self._rows(queries.some_vectors(self.version.id), (self._percentage(count), count))
        return from_halfvec([framed for (framed,) in rows])

    def _percentage(self, count: int) -> float:
        return min(100.0, 100 * _MIXED * count / max(1, self.version.chunks))

    def _half(self, vector: NDArray[np.floating[Any]] | None) -> HalfVector | None:
        if vector is None:
            return None
        if vector.shape != (self.version.dimension,) or not np.isfinite(vector).all():
            raise refused(
                f"the index is searched with {self.version.dimension} finite numbers, not with {vector.shape}"
            )
        # A zero vector is at no distance from anything.
        return HalfVector(vector) if np.any(vector) else None

    async def _plan(self, condition: Condition | None, limit: int) -> Scan:
        chunks, effort = self.version.chunks, self.version.graph_effort
        if condition is None or not along_graph(chunks, effort):
            return plan(chunks, limit, effort)
        percentage = min(100.0, 100 * SAMPLE / chunks)
        query = queries.sample(self.version.id, condition)
        ((passed, looked_at),) = await self._rows(query, (*self._parameters(condition), percentage))
        return plan(chunks, limit, effort, share=passed / max(1, looked_at))

    def _posted(self, terms: Sequence[str]) -> Posted:
        wanted = sorted({stored_term(term) for term in terms if term})
        held = self._cache.held(self.version.id, wanted)
        parameters = ([f"{segment}:{term}" for term, segment in held], wanted)
        return Posted(Query(queries.postings(self.version.id), parameters), held, self._cache, self.version)

    def _nearest(self, half: HalfVector | None, condition: Condition | None, limit: int, scan: Scan) -> Nearest:
        number, vector = self.version.id, (half,) if half else ()
        some: bytes | Composed = queries.nearest(number, limit, exact=scan.exact)
        if condition is None:
            return Nearest(limit, Query(some, vector) if half else None, None)
        parameters = vector + self._parameters(condition)
        every = Query(queries.all_passing(number, condition, distances=half is not None), parameters)
        if scan.exact:
            return Nearest(limit, None, every)
        some = queries.nearest_passing(number, limit, condition)
        return Nearest(limit, Query(some, parameters) if half else None, every if half else None)

    async def _set_effort(self, scan: Scan) -> None:
        if scan.effort not in {None, self._effort}:
            await self._driver.execute(queries.EFFORT, (str(scan.effort),))
            self._effort = scan.effort

    def _parameters(self, condition: Condition | None) -> tuple[object, ...]:
        return (*condition.parameters, self.version.store_id) if condition else ()

    async def _rows(self, query: bytes | Composed, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        return await Query(query, parameters).rows(self._driver)
