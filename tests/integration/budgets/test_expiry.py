"""Reservations of the dead are given up, though not before the ledger is up to date; metrics show how budgets stand."""

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope, subjects
from infra.telemetry.metrics import BudgetMetrics
from tests.support.budgets import ACME, MILLS, Books, add_budget, call, granted, reserving
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.usage import used
from workers.ledger.expiry import Expiry


async def test_what_may_still_wait_to_be_recorded_is_not_given_up_and_all_else_is(
    books: Books, pipeline: Pipeline, engine: AsyncEngine, log: RecordedLog
):
    await add_budget(books.database, "tenant", ACME, "total", "4")
    await add_budget(books.database, "organisation", MILLS, "month", "10")
    registry, now = CollectorRegistry(), datetime.now(UTC)
    later = now + timedelta(hours=1)
    expiry = Expiry(engine, pipeline.js, BudgetMetrics(registry), log.logger, lambda: later)
    async with reserving(books.database) as reservations:
        dead = call("1", started_at=now, expires_at=now + timedelta(minutes=3))
        long_dead = call("2", started_at=now, expires_at=now - timedelta(minutes=3))
        for made in (dead, long_dead):
            assert await granted(reservations, made)
    message = used(request_id=dead.request_id, started_at=now).model_dump_json(exclude_none=True).encode()
    sequence = await pipeline.publish(subjects.usage_recorded(ACME), message, {envelope.MSG_ID: "waits"})
    await expiry.look()
    assert await books.reserved() == 1

    await pipeline.js.delete_msg("USAGE", sequence)
    await expiry.look()
    assert await books.reserved() == 0
    assert registry.get_sample_value("penstock_budget_reservations_expired_total") == 2
    assert [line["count"] for line in log.events("budget_reservations_expired")] == [1, 1]


async def test_metrics_show_what_is_spent_and_reserved_of_each_budget_that_there_is(
    books: Books, pipeline: Pipeline, engine: AsyncEngine, log: RecordedLog
):
    budget = await add_budget(books.database, "tenant", ACME, "day", "4")
    registry, now = CollectorRegistry(), datetime.now(UTC)
    expiry = Expiry(engine, pipeline.js, BudgetMetrics(registry), log.logger, lambda: now)
    labels = {"budget": budget, "kind": "tenant", "subject": ACME, "period": "day"}

    def shown() -> list[float | None]:
        names = ("penstock_budget_spent_ratio", "penstock_budget_reserved_ratio")
        return [registry.get_sample_value(name, labels) for name in names]

    await expiry.look()
    assert shown() == [0, 0]
    async with reserving(books.database) as reservations:
        assert await granted(reservations, call("1", started_at=now))
    await books.record(call(started_at=now), "3")
    await expiry.look()
    assert shown() == [0.75, 0.25]
    await books.database.execute("DELETE FROM budgets")
    await expiry.look()
    assert shown() == [None, None]
