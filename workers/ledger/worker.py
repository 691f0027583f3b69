"""Wiring: `usage.recorded` in, a row out."""

import asyncio

from contracts import envelope
from contracts.registry import template_of
from infra.database.engine import create_engine
from infra.dispatch.job import Job, identify_laneless
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.runtime import end_tasks
from infra.telemetry.metrics import LedgerMetrics
from workers.context import Worker, WorkerContext
from workers.ledger.rows import row_of
from workers.ledger.upkeep import Upkeep
from workers.ledger.writer import Ledger, ledger_writer


def build(context: WorkerContext) -> Worker:
    """The ledger worker."""
    settings = context.settings
    # Of its own: what drops a partition waits for those who read the ledger.
    engine, upkeep_engine = (create_engine(settings, pool_size=1) for _ in range(2))
    metrics = LedgerMetrics(context.registry)
    writer = ledger_writer(Ledger(engine, metrics), settings.ledger_batch, settings.ledger_linger)
    upkeep = Upkeep(upkeep_engine, settings.usage_retention_days, metrics, context.log)
    background: list[asyncio.Task[None]] = []

    async def handle(job: Job) -> Outcome:
        message_id = job.headers.get(envelope.MSG_ID, str(job.position.sequence))
        await writer.add(row_of(job.body, message_id, job.position.stored_at))
        return Outcome("recorded")

    async def open_() -> None:
        background.append(asyncio.create_task(upkeep.run()))

    async def close() -> None:
        await end_tasks(*background)
        await upkeep_engine.dispose()
        await engine.dispose()

    spec = StageSpec(
        "ledger", template_of("usage.recorded"), identify_laneless, settings.ledger_batch * 4, terminal=False
    )
    return Worker((Stage(spec, handle, context.subscriptions["ledger"]),), open_, close)
