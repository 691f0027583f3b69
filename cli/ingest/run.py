"""One ingest: ask what the store has, send what it has not, watch it being indexed, take out what is no more."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from cli.client import Json, said
from cli.ingest.bulks import Attributes, Known, Packer, Prepared
from cli.ingest.remote import PAGE, Remote
from cli.ingest.sources import Roots
from cli.ingest.tally import Tally
from cli.ingest.watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_IN_FLIGHT = 4
"""Requests: one is packed while others are answered. The platform's own queues bound what is accepted."""
_REFUSED = frozenset({400, 413, 422})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done. `settings` are those of a store that is made now."""

    roots: Roots
    attributes: Attributes = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    lane: str = "batch"
    prune: bool = False
    wait: bool = True


class Ingest:
    """Everything is told to the tally as it happens. Raises what the SDK raises where the platform can't go on."""

    def __init__(self, remote: Remote, wanted: Wanted, tally: Tally) -> None:
        self._remote, self._wanted, self._tally = remote, wanted, tally

    async def run(self) -> None:
        """Do it all. What was sent when this is stopped is indexed all the same."""
        known = await self._known_or_made()
        self._tally.begin()
        bulks = Packer(known, self._wanted.attributes, self._tally).bulks(chain.from_iterable(self._wanted.roots))
        async with self._watching() as watch:
            await self._send_all(bulks)
            watch.all_is_sent()
        if self._wanted.prune:
            await self._prune(known)

    async def _known_or_made(self) -> dict[str, Known]:
        if await self._remote.is_there():
            return {entry["id"]: _known(entry) async for page in self._remote.pages() for entry in page}
        await self._remote.make(self._wanted.settings)
        return {}

    @asynccontextmanager
    async def _watching(self) -> "AsyncIterator[Watch]":
        """While things are sent; at the end, until all of them have ended, if somebody waits for it."""
        watch = Watch(self._remote, self._tally)
        looking = asyncio.create_task(watch.run()) if self._wanted.wait else None
        try:
            yield watch
            if looking is not None:
                await looking
        finally:
            if looking is not None:
                looking.cancel()

    async def _send_all(self, bulks: Iterator[list[Prepared]]) -> None:
        turn = asyncio.Lock()

        async def keep_sending() -> None:
            while True:
                async with turn:
                    bulk = await asyncio.to_thread(next, bulks, None)
                if bulk is None:
                    return
                await self._send(bulk)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_IN_FLIGHT):
                    group.create_task(keep_sending())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _send(self, bulk: Sequence[Prepared]) -> None:
        """A bulk that is refused is halved, until it is clear which document is to blame."""
        import openai

        try:
            bodies = [await self._body(each) for each in bulk]
            self._accept(await self._remote.post(bodies, self._wanted.lane))
        except openai.APIStatusError as error:
            if error.status_code not in _REFUSED:
                raise
            if len(bulk) == 1:
                self._tally.fail(bulk[0].id, said(error))
                return
            middle = len(bulk) // 2
            await self._send(bulk[:middle])
            await self._send(bulk[middle:])

    async def _body(self, document: Prepared) -> Mapping[str, Any]:
        if document.upload is None:
            return document.body
        named = document.body["filename"], document.upload, document.body.get("media_type")
        return {**document.body, "file_id": await self._remote.upload(*named)}

    def _accept(self, entries: Sequence[Json]) -> None:
        for entry in entries:
            self._tally.accept(entry["id"], entry["sha256"], entry["status"] == "completed")

    async def _prune(self, known: Mapping[str, Known]) -> None:
        found = {source.document_id for root in self._wanted.roots for source in root}
        gone = [name for name in known if name not in found and self._covers(name, known[name].filename)]
        for begin in range(0, len(gone), PAGE):
            self._tally.deleted += await self._remote.delete(gone[begin : begin + PAGE])

    def _covers(self, document_id: str, filename: str) -> bool:
        return any(root.covers(document_id, filename) for root in self._wanted.roots)


def _known(entry: Json) -> Known:
    return Known(entry["filename"], entry["sha256"], entry["status"], entry["attributes"] or {})
