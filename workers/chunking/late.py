"""The handler that is made with the first document: a platform that has none pays for no parser and no splitter."""

import asyncio
import importlib
from typing import TYPE_CHECKING

from contracts.errors import PenstockError
from infra.claims import Claims
from infra.database.engine import create_engine
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from workers.context import WorkerContext
from workers.embedders import embedders_of

if TYPE_CHECKING:
    from ingestion.parsing import ParserPool
    from workers.chunking.handling import Chunking

_CONNECTIONS = 4


class LateChunking:
    """`workers.chunking.handling.Chunking`, imported in a thread when it is first needed."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._engine = create_engine(context.settings, pool_size=_CONNECTIONS)
        self._embedders = embedders_of(context)
        self._parsers: ParserPool | None = None
        self._made: Chunking | None = None

    async def open(self) -> None:
        """Before the first message."""
        await self._embedders.open()

    async def close(self) -> None:
        """After the last one."""
        await self._embedders.close()
        if self._parsers is not None:
            await self._parsers.close()
        await self._engine.dispose()

    async def handle(self, job: Job) -> Outcome:
        """See `Chunking.handle`."""
        return await (await self._chunking()).handle(job)

    async def give_up(self, job: Job, error: PenstockError) -> None:
        """See `Chunking.give_up`."""
        await (await self._chunking()).give_up(job, error)

    async def _chunking(self) -> "Chunking":
        if self._made is None:
            await asyncio.to_thread(importlib.import_module, "workers.chunking.handling")
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> "Chunking":
        from infra.index.documents import Documents
        from infra.index.stores import Stores
        from infra.index.versions import IndexVersions
        from ingestion.parsing import ParserPool
        from workers.chunking.handling import Chunking, Tools
        from workers.chunking.reception import Reception
        from workers.chunking.submission import STAGE

        context, settings = self._context, self._context.settings
        self._parsers = ParserPool(settings.parser_processes)
        tools = Tools(
            claims=Claims(context.connection.js, STAGE),
            reception=Reception(self._engine, settings.index_batch),
            stores=Stores(self._engine),
            documents=Documents(self._engine),
            versions=IndexVersions(self._engine),
            embedders=self._embedders,
            parsers=self._parsers,
            emitter=Emitter(context.publisher, context.tracer),
        )
        return Chunking(tools)
