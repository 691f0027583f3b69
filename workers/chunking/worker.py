"""Wiring: `documents.submitted` in; `documents.chunked` out, one an index version, or how the submission ended."""

from typing import TYPE_CHECKING

from contracts.errors import PenstockError
from contracts.registry import template_of
from infra.claims import Claims
from infra.database.engine import create_engine
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.streams import BATCH_SHARE
from workers.context import Worker, WorkerContext
from workers.documents import identify_submitted
from workers.door import admitted
from workers.embedders import embedders_of
from workers.late import Late

if TYPE_CHECKING:
    from workers.chunking.handling import Chunking

_STAGE = "chunking"
_CONNECTIONS = 4


def build(context: WorkerContext) -> Worker:
    """The chunking worker. A platform that has no documents pays for no parser and no splitter."""
    settings = context.settings
    engine, embedders = create_engine(settings, pool_size=_CONNECTIONS), embedders_of(context)

    def make() -> "Chunking":
        from infra.index.documents import Documents
        from infra.index.stores import Stores
        from infra.index.versions import IndexVersions
        from ingestion.parsing import ParserPool
        from workers.chunking.handling import Chunking, Tools
        from workers.chunking.reception import Reception
        from workers.chunking.submission import STAGE

        tools = Tools(
            claims=Claims(context.connection.js, STAGE),
            reception=Reception(engine, settings.index_batch),
            stores=Stores(engine),
            documents=Documents(engine),
            versions=IndexVersions(engine),
            embedders=embedders,
            parsers=ParserPool(settings.parser_processes),
            emitter=Emitter(context.publisher, context.tracer),
        )
        return Chunking(tools)

    late = Late(make)

    async def handle(job: Job) -> Outcome:
        job.headers = await admitted(job, context.policies, _STAGE)
        return await (await late.get()).handle(job)

    async def given_up(job: Job, error: PenstockError) -> None:
        await (await late.get()).give_up(job, error)

    async def close() -> None:
        if late.made is not None:
            await late.made.close()
        await engine.dispose()

    spec = StageSpec(
        _STAGE,
        template_of("documents.submitted"),
        identify_submitted,
        settings.document_concurrency * BATCH_SHARE,
        terminal=False,
        given_up=given_up,
        gives_way=True,
    )
    stage = Stage(spec, handle, context.subscriptions["chunking"])
    return Worker((stage,), embedders.open, close, interrupt=embedders.close)
