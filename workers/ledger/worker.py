"""Wiring: `usage.recorded` in, a row out."""

import asyncio

from contracts import envelope
from contracts.registry import template_of
from infra.database.engine import create_engine
from infra.dispatch.job import Job, identify_laneless
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from infra.runtime import end_tasks
from infra.telemetry.metrics import BudgetMetrics, LedgerMetrics
from workers.context import Worker, WorkerContext
from workers.ledger.courier import Courier
from workers.ledger.expiry import Expiry
from workers.ledger.rows import row_of
from workers.ledger.settling import Settlement
from workers.ledger.upkeep import Upkeep
from workers.ledger.webhooks import Webhooks
from workers.ledger.writer import Ledger, ledger_writer


def build(context: WorkerContext) -> Worker:
    """The ledger worker."""
    settings = context.settings
    # Of its own: what drops a partition waits for those who read the ledger.
    engines = engine, upkeep_engine, budget_engine = [create_engine(settings, pool_size=1) for _ in range(3)]
    metrics, budget_metrics = LedgerMetrics(context.registry), BudgetMetrics(context.registry)
    courier = Courier(budget_engine, budget_metrics, context.log, Webhooks())
    ledger = Ledger(engine, metrics, Settlement(courier.due, budget_metrics).settle)
    writer = ledger_writer(ledger, settings.ledger_batch, settings.ledger_linger)
    upkeep = Upkeep(upkeep_engine, settings.usage_retention_days, metrics, context.log)
    expiry = Expiry(budget_engine, context.connection.js, budget_metrics, context.log)
    background: list[asyncio.Task[None]] = []

    async def handle(job: Job) -> Outcome:
        message_id = job.headers.get(envelope.MSG_ID, str(job.position.sequence))
        await writer.add(row_of(job.body, message_id, job.position.stored_at))
        return Outcome("recorded")

    async def open_() -> None:
        runs = (upkeep.run(), courier.run(), expiry.run())
        background.extend(asyncio.create_task(run) for run in runs)

    async def close() -> None:
        await end_tasks(*background)
        await asyncio.gather(*(each.dispose() for each in engines))

    spec = StageSpec(
        "ledger", template_of("usage.recorded"), identify_laneless, settings.ledger_batch * 4, terminal=False
    )
    return Worker((Stage(spec, handle, context.subscriptions["ledger"]),), open_, close)
