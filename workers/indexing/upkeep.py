"""What index versions need after they have been written to, in the background: never in a document's way."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.index.embeddings import Embeddings
from infra.index.segments import merge_segments
from infra.index.upkeep import maintain
from infra.index.version import IndexVersion, VersionState
from infra.index.versions import IndexVersions
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_LOOK = 1.0
_ENOUGH_SEGMENTS = 8
"""Each write is a segment, and so many make the least that is merged (`infra.index.tiers`)."""
_QUIET, _LATEST = 3.0, 120.0
"""Seconds without a write after which the graph is looked after, and those after which it is in any case: each row that
is put into a graph costs a hundred times what it costs without."""
_BETWEEN_CLEANINGS = 3600.0
_SPARED = timedelta(hours=1)
"""The age of a vector that may still be on its way into an index."""


@dataclass(slots=True)
class Due:
    """A version that was written to: how often since its segments were merged, and when, in seconds of a clock."""

    version: IndexVersion
    first: float
    last: float
    writes: int = 0

    def is_at_rest(self, now: float) -> bool:
        """Whether it is time for all of its upkeep."""
        return now - self.last >= _QUIET or now - self.first >= _LATEST


class Upkeep:
    """Remembers which versions were written to, and looks after them one after the other."""

    def __init__(self, engine: AsyncEngine, log: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._versions = IndexVersions(engine)
        self._embeddings = Embeddings(engine)
        self._log = log
        self._clock = clock
        self._due: dict[int, Due] = {}
        self._tenants: set[str] = set()
        self._cleaned = clock()

    def written_to(self, version: IndexVersion) -> None:
        """Note a write."""
        now = self._clock()
        due = self._due.setdefault(version.id, Due(version, now, now))
        due.last = now
        due.writes += 1
        self._tenants.add(version.tenant_id)

    async def run(self) -> None:
        """Runs for as long as the worker does."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - a bug costs one look, and not the upkeep of all other versions
                self._log.error("upkeep_failed", exc_info=error)

    async def look(self) -> None:
        """Do what is due now."""
        for due in list(self._due.values()):
            if due.is_at_rest(self._clock()):
                del self._due[due.version.id]
                await self._do(due, maintain)
            elif due.writes >= _ENOUGH_SEGMENTS:
                due.writes = 0
                await self._do(due, merge_segments)
        if self._clock() - self._cleaned >= _BETWEEN_CLEANINGS:
            self._cleaned = self._clock()
            await self._clean()

    async def _do(self, due: Due, work: Callable[[AsyncEngine, IndexVersion], Awaitable[object]]) -> None:
        """A version that is being built is left to whoever builds it, and one that is gone to nobody."""
        version = due.version
        try:
            current = await self._versions.find(version.tenant_id, version.id)
            if current.state in (VersionState.LIVE, VersionState.PAST):
                await work(self._engine, current)
        except PenstockError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                self._due.setdefault(version.id, due)
                self._log.warning("index_not_kept_up", version=version.id, reason=told(error))

    async def _clean(self) -> None:
        """Forget the vectors of texts that are no more, for those who wrote."""
        tenants, self._tenants = self._tenants, set()
        for tenant in sorted(tenants):
            try:
                await self._embeddings.forget_unused(tenant, _SPARED)
            except PenstockError as error:
                self._tenants.add(tenant)
                self._log.warning("vectors_not_forgotten", tenant=tenant, reason=told(error))
