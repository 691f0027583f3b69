"""Alerts of budgets on their way: into the log, into a metric, and to a webhook where the budget names one."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import PenstockError
from infra.budgets.alerts import Alert, claim, delivered, put_off
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import BudgetMetrics
from infra.telemetry.told import told
from workers.ledger.webhooks import Webhooks

_LATER, _LATEST, _MOST = timedelta(minutes=1), timedelta(hours=1), 24
"""How long until the next try, doubled with each up to an hour; after so many tries, most of a day, it is given up."""
_LOOK_AGAIN = 5.0


class Courier:
    """Delivers what is due. What is under way in another process is left to that one.

    Who receives a webhook may do so twice, where this process dies in between: the same alert has the same `id`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        metrics: BudgetMetrics,
        log: Logger,
        webhooks: Webhooks,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._log = log
        self.due = asyncio.Event()
        """Set where something may be due: it is looked at at once."""
        self._clock = clock
        self._webhooks = webhooks

    async def run(self) -> None:
        """Runs for as long as the worker does."""
        try:
            while True:
                self.due.clear()
                try:
                    while await self.deliver():
                        continue
                except PenstockError as error:
                    self._log.warning("budget_alerts_wait", reason=told(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await self.due.wait()
        finally:
            await self._webhooks.close()

    async def deliver(self) -> Sequence[Alert]:
        """Deliver some of what is due, at the same time; what that was. Raises `PenstockError`."""
        alerts = await claim(self._engine, self._clock())
        await asyncio.gather(*(self._deliver(alert) for alert in alerts))
        return alerts

    async def _deliver(self, alert: Alert) -> None:
        if alert.tries == 1:
            self._log.warning("budget_alert", **alert.told())
            self._metrics.alerts.labels(alert.event).inc()
        if alert.webhook_url is not None:
            try:
                await self._webhooks.post(alert.webhook_url, alert.told())
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                await self._put_off(alert, error)
                return
            self._metrics.webhooks.labels("delivered").inc()
        await delivered(self._engine, alert, self._clock())

    async def _put_off(self, alert: Alert, error: Exception) -> None:
        """The URL is in no log: what it holds may be a secret."""
        self._metrics.webhooks.labels("failed").inc()
        reason = f"{error.response.status_code}" if isinstance(error, httpx2.HTTPStatusError) else type(error).__name__
        log = self._log.bind(alert=alert.id, budget_id=alert.budget_id, tries=alert.tries, reason=reason)
        if alert.tries >= _MOST:
            log.error("budget_webhook_given_up")
            await put_off(self._engine, alert, None)
            return
        log.warning("budget_webhook_failed")
        await put_off(self._engine, alert, self._clock() + pause_after(alert.tries))


def pause_after(tries: int) -> timedelta:
    """Until the next try, after so many."""
    return min(_LATER * (1 << min(tries - 1, 10)), _LATEST)
