"""Submissions into the database: those that come at the same time in one transaction."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.database.batches import Batcher
from infra.index.files import FileContents, Files
from infra.index.intake import Arrival, TakenIn, take_in
from workers.chunking.submission import STAGE

_LINGER = 0.003
_FILES_AT_ONCE, _SMALL = 64, 1024 * 1024
_LARGE_ONES = 4
"""Files over a megabyte that a process has in hand: each may be as large as a file may be."""


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
    known: bool = False
    small: FileContents | None = None


class Reception:
    """Takes submissions in and reads files. Both methods raise `PenstockError` as the index does."""

    def __init__(self, engine: AsyncEngine, batch: int) -> None:
        self._engine = engine
        self._files = Files(engine)
        self._entries = Batcher[_Entry](self._take_in, batch, _LINGER)
        self._asked = Batcher[_Asked](self._read, _FILES_AT_ONCE, _LINGER)
        self._large = asyncio.Semaphore(_LARGE_ONES)

    async def take_in(self, tenant: str, arrival: Arrival) -> TakenIn:
        """What a submission leads to, once that is written down."""
        entry = _Entry(tenant, arrival)
        await self._entries.add(entry)
        return entry.taken[-1]

    @asynccontextmanager
    async def reading(self, tenant: str, file_id: str) -> AsyncIterator[FileContents]:
        """A file, for as long as it is worked on. Small ones are read together; a large one waits until there is room.

        Raises `PenstockError` (`not_found`) where there is none of that id.
        """
        asked = _Asked(tenant, file_id)
        await self._asked.add(asked)
        if asked.small is not None:
            yield asked.small
        elif asked.known:
            async with self._large:
                found = await self._files.contents(tenant, [file_id])
                yield _there(found.get(file_id), file_id)
        else:
            _there(None, file_id)

    async def _take_in(self, entries: Sequence[_Entry]) -> None:
        for tenant in {entry.tenant for entry in entries}:
            own = [entry for entry in entries if entry.tenant == tenant]
            taken = await take_in(self._engine, tenant, [entry.arrival for entry in own])
            for entry, each in zip(own, taken, strict=True):
                entry.taken.append(each)

    async def _read(self, asked: Sequence[_Asked]) -> None:
        for tenant in {each.tenant for each in asked}:
            own = [each for each in asked if each.tenant == tenant]
            found = await self._files.small_contents(tenant, [each.file_id for each in own], _SMALL)
            for each in own:
                each.known, each.small = each.file_id in found, found.get(each.file_id)


def _there(found: FileContents | None, file_id: str) -> FileContents:
    if found is None:
        message = f"the file {file_id!r} does not exist"
        raise PenstockError(ErrorCode.NOT_FOUND, message, stage=STAGE, param="file_id")
    return found
