"""Wiring: `usage.recorded` in, a row out."""

from contracts import envelope
from contracts.registry import template_of
from infra.database.engine import create_engine
from infra.dispatch.job import Job, identify_laneless
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from workers.context import Worker, WorkerContext
from workers.ledger.rows import row_of
from workers.ledger.writer import ledger_writer


def build(context: WorkerContext) -> Worker:
    """The ledger worker."""
    settings = context.settings
    engine = create_engine(settings, pool_size=1)
    writer = ledger_writer(engine, settings.ledger_batch, settings.ledger_linger)

    async def handle(job: Job) -> Outcome:
        await writer.add(row_of(job.body, job.headers.get(envelope.MSG_ID, str(job.position.sequence))))
        return Outcome("recorded")

    async def close() -> None:
        await engine.dispose()

    spec = StageSpec(
        "ledger", template_of("usage.recorded"), identify_laneless, settings.ledger_batch * 4, terminal=False
    )
    return Worker((Stage(spec, handle, context.subscriptions["ledger"]),), close=close)
