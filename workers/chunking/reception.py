"""Submissions into the database: those that come at the same time in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import Batcher
from infra.index.files import FileContents, Files
from infra.index.intake import Arrival, TakenIn, take_in

_LINGER = 0.003
_FILES_AT_ONCE = 8
"""That many are read by one query, each of them up to the size that a file may have."""


@dataclass(slots=True)
class _Entry:
    tenant: str
    arrival: Arrival
    taken: list[TakenIn] = field(default_factory=list)
    """What came of it, each time that it was written."""


@dataclass(slots=True)
class _Asked:
    tenant: str
    file_id: str
    found: FileContents | None = None


class Reception:
    """Takes submissions in and reads files. Both methods raise `PenstockError` as the index does."""

    def __init__(self, engine: AsyncEngine, batch: int) -> None:
        self._engine = engine
        self._files = Files(engine)
        self._entries = Batcher[_Entry](self._take_in, batch, _LINGER)
        self._asked = Batcher[_Asked](self._read, _FILES_AT_ONCE, _LINGER)

    async def take_in(self, tenant: str, arrival: Arrival) -> TakenIn:
        """What a submission leads to, once that is written down."""
        entry = _Entry(tenant, arrival)
        await self._entries.add(entry)
        return entry.taken[-1]

    async def contents(self, tenant: str, file_id: str) -> FileContents | None:
        """A file, or None where there is none of that id."""
        asked = _Asked(tenant, file_id)
        await self._asked.add(asked)
        return asked.found

    async def _take_in(self, entries: Sequence[_Entry]) -> None:
        for tenant in {entry.tenant for entry in entries}:
            own = [entry for entry in entries if entry.tenant == tenant]
            taken = await take_in(self._engine, tenant, [entry.arrival for entry in own])
            for entry, each in zip(own, taken, strict=True):
                entry.taken.append(each)

    async def _read(self, asked: Sequence[_Asked]) -> None:
        for tenant in {each.tenant for each in asked}:
            found = await self._files.contents(tenant, [each.file_id for each in asked if each.tenant == tenant])
            for each in asked:
                if each.tenant == tenant:
                    each.found = found.get(each.file_id)
