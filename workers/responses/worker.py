"""Wiring: `response.stored` in, a row out; and rows whose time is over go."""

import asyncio

from contracts.errors import PenstockError
from contracts.registry import template_of
from infra.database.engine import create_engine
from infra.dispatch.job import Job, identify_laneless
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.telemetry.told import told
from workers.context import Worker, WorkerContext
from workers.responses.rows import row_of
from workers.responses.writer import forget_expired, response_writer

_BETWEEN_CLEANINGS = 600.0


def build(context: WorkerContext) -> Worker:
    """The responses worker."""
    settings = context.settings
    engine = create_engine(settings, pool_size=1)
    writer = response_writer(engine, settings.ledger_batch, settings.ledger_linger)
    cleaning: list[asyncio.Task[None]] = []

    async def handle(job: Job) -> Outcome:
        await writer.add(row_of(job.tenant, job.body, job.position.sequence, settings.responses_age))
        return Outcome("recorded")

    async def clean() -> None:
        while True:
            try:
                await forget_expired(engine)
            except PenstockError as error:
                context.log.warning("responses_not_cleaned", reason=told(error))
            await asyncio.sleep(_BETWEEN_CLEANINGS)

    async def open_() -> None:
        cleaning.append(asyncio.create_task(clean()))

    async def close() -> None:
        for task in cleaning:
            task.cancel()
        await engine.dispose()

    spec = StageSpec(
        "responses", template_of("response.stored"), identify_laneless, settings.ledger_batch * 4, terminal=False
    )
    return Worker((Stage(spec, handle, context.subscriptions["responses"]),), open_, close)
