"""Wiring: `documents.embedded` in, `documents.indexed` out; or `documents.failed`, where an index can't hold it."""

import asyncio
from typing import TYPE_CHECKING

from contracts.errors import PenstockError
from contracts.registry import template_of
from infra.claims import Claims
from infra.database.engine import create_engine
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.runtime import end_tasks
from infra.streams import BATCH_SHARE
from infra.telemetry.metrics import IndexingMetrics
from workers.context import Worker, WorkerContext
from workers.late import Late

if TYPE_CHECKING:
    from workers.indexing.handling import Handling
    from workers.indexing.upkeep import Upkeep

_CONNECTIONS, _UPKEEP_CONNECTIONS = 2, 2


def build(context: WorkerContext) -> Worker:
    """The indexing worker."""
    settings = context.settings
    engine = create_engine(settings, pool_size=_CONNECTIONS)
    # Of its own: what builds a graph has a connection for minutes.
    upkeep_engine = create_engine(settings, pool_size=_UPKEEP_CONNECTIONS)
    background: list[asyncio.Task[None]] = []
    metrics = IndexingMetrics(context.registry)

    def make() -> "tuple[Handling, Upkeep]":
        from workers.document_failures import KnownVersions
        from workers.indexing.batch import IndexBatches
        from workers.indexing.handling import Handling
        from workers.indexing.rows import STAGE
        from workers.indexing.upkeep import Upkeep

        versions, upkeep = KnownVersions(engine), Upkeep(upkeep_engine, context.log)
        batches = IndexBatches(engine, versions, upkeep, context, metrics)
        return Handling(engine, versions, batches, Claims(context.connection.js, STAGE)), upkeep

    late = Late(make)
    emitter = Emitter(context.publisher, context.tracer)

    async def handle(job: Job) -> Outcome:
        handling, _ = await late.get()
        return await handling.handle(job)

    async def given_up(job: Job, error: PenstockError) -> None:
        handling, _ = await late.get()
        for publication in await handling.given_up(job, error):
            await emitter.emit(job, publication)

    async def keep_up() -> None:
        _, upkeep = await late.wanted()
        await upkeep.run()

    async def open_() -> None:
        background.append(asyncio.create_task(keep_up()))

    async def close() -> None:
        await end_tasks(*background)
        await upkeep_engine.dispose()
        await engine.dispose()

    spec = StageSpec(
        "indexing",
        template_of("documents.embedded"),
        identify_forwarded,
        settings.index_batch * 2 * BATCH_SHARE,
        terminal=False,
        given_up=given_up,
        gives_way=True,
    )
    return Worker((Stage(spec, handle, context.subscriptions["indexing"]),), open_, close)
