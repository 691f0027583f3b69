"""A search under way: postings come first, and are scored here while the database compares vectors."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import Composed

from infra.index.found import Hits, hits_of_packed, hits_of_rows, unpack
from infra.index.postings import Postings, RowKey, TermPostings, gather
from infra.index.postings_cache import PostingsCache
from infra.index.transaction import Driver
from infra.index.version import IndexVersion

Rows: TypeAlias = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its parameters."""

    text: bytes | Composed
    parameters: Sequence[object]

    async def rows(self, driver: Driver) -> Rows:
        """What it answers."""
        return await (await driver.execute(self.text, self.parameters, binary=True)).fetchall()


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest chunks. `passing` are all chunks that pass the filter, where the database has been asked for all:
    what is not among them must not be shown. Where it is None, `VersionSearch.first_passing` tells.
    """

    hits: Hits
    passing: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """How postings are asked for. `query` leaves out the rows that are `held`."""

    query: Query
    held: Mapping[RowKey, TermPostings]
    cache: PostingsCache
    version: IndexVersion

    def read(self, rows: Rows) -> Postings:
        """Those that came, and those that need not come."""
        found: dict[RowKey, TermPostings] = {}
        for term, segment, entries in rows:
            found[term, segment] = self.held[term, segment] if entries is None else TermPostings.of(entries)
        self.cache.keep(self.version.id, found)
        return Postings(gather(found), self.version.posted, self.version.average_length)


@dataclass(frozen=True, slots=True)
class Nearest:
    """How the nearest `limit` chunks are asked for: `some` answers rows of (chunk id, distance), `every` answers all
    chunks that pass the filter. Either may be absent.
    """

    limit: int
    some: Query | None
    every: Query | None

    async def receive(self, driver: Driver) -> Found:
        """Where a walk along the graph meets too few that pass, they are far away from it: then all are read."""
        if self.some:
            hits = hits_of_rows(await self.some.rows(driver), self.limit)
            if self.every is None or len(hits.ids) >= self.limit:
                return Found(hits)
        if self.every is None:
            return Found(Hits.none())
        ((ids, *distances),) = await self.every.rows(driver)
        passing = unpack(ids, ">i4").astype(np.int32)
        return Found(hits_of_packed(passing, distances, self.limit), passing)


class Asked:
    """Both legs of a search, each to be received once: `postings` first, then `nearest`."""

    def __init__(self, driver: Driver, posted: Posted, nearest: Nearest) -> None:
        self._driver = driver
        self._posted = posted
        self._nearest = nearest
        self._comparing: asyncio.Task[Found] | None = None

    async def postings(self) -> Postings:
        """For BM25. When they have been read, the vectors are being compared already."""
        rows = await self._posted.query.rows(self._driver)
        self._comparing = asyncio.create_task(self._nearest.receive(self._driver))
        # The task runs until it waits for the answer: the question has been sent then.
        await asyncio.sleep(0)
        return self._posted.read(rows)

    async def nearest(self) -> Found:
        """By vector."""
        return await (self._comparing or self._nearest.receive(self._driver))

    async def end(self) -> None:
        """Leave nothing running."""
        if self._comparing and not self._comparing.done():
            self._comparing.cancel()
            await asyncio.gather(self._comparing, return_exceptions=True)
