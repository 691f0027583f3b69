"""Alerts reach who is to be told, though a worker dies, a webhook is away, or two of them look."""

from datetime import timedelta
from typing import Any

import httpx2
import orjson
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.budgets.alerts import claim
from infra.telemetry.metrics import BudgetMetrics
from tests.support.budgets import ACME, NOON, Books, add_budget, call, granted, reserving
from tests.support.logs import RecordedLog
from workers.ledger.courier import Courier, pause_after
from workers.ledger.webhooks import Webhooks

URL = "http://hooks.invalid/budgets?token=secret"


class Deliveries:
    """A courier with a clock that a test sets, and who receives its webhooks: by a list of statuses, then by 204."""

    def __init__(self, engine: AsyncEngine, log: RecordedLog) -> None:
        self.now = NOON
        self.statuses: list[int] = []
        self.received: list[dict[str, Any]] = []
        self.registry = CollectorRegistry()
        webhooks = Webhooks(httpx2.MockTransport(self._answer), 0.0)
        metrics = BudgetMetrics(self.registry)
        self.courier = Courier(engine, metrics, log.logger, webhooks, lambda: self.now)

    async def deliver(self, at: timedelta = timedelta()) -> int:
        """How many were due so long after noon."""
        self.now = NOON + at
        return len(await self.courier.deliver())

    def counted(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"penstock_budget_{name}_total", labels)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == URL
        self.received.append(orjson.loads(request.content))
        return httpx2.Response(self.statuses.pop(0) if self.statuses else 204)


@pytest.fixture
def deliveries(engine: AsyncEngine, log: RecordedLog) -> Deliveries:
    return Deliveries(engine, log)


async def cross(books: Books, *, url: str = "") -> None:
    """Spend more than the share of a budget of a dollar a day at which it is told."""
    await add_budget(books.database, "tenant", ACME, "day", "1", shares="{0.5}", url=url)
    assert await books.record(call(), "0.6")
    await books.database.execute(f"UPDATE budget_alerts SET at = '{NOON}', next_try_at = '{NOON}'")


async def test_an_alert_is_logged_counted_and_sent_once(books: Books, deliveries: Deliveries, log: RecordedLog):
    await cross(books, url=URL)
    assert [await deliveries.deliver() for _ in range(2)] == [1, 0]
    (told,) = deliveries.received
    assert told == {
        "id": told["id"],
        "type": "budget.crossed",
        "budget_id": "tenant-acme-day",
        "kind": "tenant",
        "subject": "acme",
        "period": "day",
        "period_start": "2026-11-23T00:00:00.000Z",
        "period_end": "2026-11-24T00:00:00.000Z",
        "share": "0.5",
        "amount_usd": "1",
        "spent_usd": "0.6",
        "at": "2026-11-23T12:30:15.123Z",
    }
    (line,) = log.events("budget_alert")
    assert (line["level"], line["id"], line["spent_usd"]) == ("warning", told["id"], "0.6")
    assert deliveries.counted("alerts", event="crossed") == 1
    assert deliveries.counted("webhooks", outcome="delivered") == 1
    assert "secret" not in str(log.entries)


async def test_without_a_webhook_the_log_is_told(books: Books, deliveries: Deliveries, log: RecordedLog):
    await cross(books)
    assert [await deliveries.deliver() for _ in range(2)] == [1, 0]
    assert len(log.events("budget_alert")) == 1
    assert deliveries.received == []


async def test_a_webhook_that_is_away_is_tried_again_and_later_and_is_told_the_same(
    books: Books, deliveries: Deliveries, log: RecordedLog
):
    await cross(books, url=URL)
    deliveries.statuses = [500, 503, 404]
    assert await deliveries.deliver() == 1
    assert len(deliveries.received) == 3
    (line,) = log.events("budget_webhook_failed")
    assert line["reason"] == "404"
    assert "secret" not in str(log.entries)
    assert await deliveries.deliver(pause_after(1) - timedelta(seconds=1)) == 0
    assert await deliveries.deliver(pause_after(1)) == 1
    assert len(deliveries.received) == 4
    assert deliveries.received[0] == deliveries.received[3]
    assert len(log.events("budget_alert")) == 1
    assert await deliveries.deliver(timedelta(days=2)) == 0


async def test_a_webhook_that_never_answers_is_given_up(books: Books, deliveries: Deliveries, log: RecordedLog):
    await cross(books, url=URL)
    await books.database.execute("UPDATE budget_alerts SET tries = 23")
    deliveries.statuses = [500] * 3
    assert await deliveries.deliver() == 1
    (line,) = log.events("budget_webhook_given_up")
    assert line["level"] == "error"
    assert await deliveries.deliver(timedelta(days=30)) == 0


async def test_what_a_process_took_and_did_not_live_to_deliver_another_delivers(
    books: Books, deliveries: Deliveries, engine: AsyncEngine
):
    await cross(books, url=URL)
    assert len(await claim(engine, NOON)) == 1
    assert await deliveries.deliver(timedelta(seconds=30)) == 0
    assert await deliveries.deliver(timedelta(seconds=61)) == 1
    assert len(deliveries.received) == 1


async def test_a_call_that_is_refused_is_told_of(books: Books, deliveries: Deliveries):
    await add_budget(books.database, "tenant", ACME, "total", "1", url=URL)
    async with reserving(books.database) as reservations:
        assert not await granted(reservations, call("2"))
    await books.database.execute(f"UPDATE budget_alerts SET next_try_at = '{NOON}'")
    assert await deliveries.deliver() == 1
    (told,) = deliveries.received
    assert (told["type"], told["period_start"], told["period_end"]) == ("budget.refused", None, None)
