"""Alerts of budgets on their way: into the log, into a metric, and to a webhook where the budget names one."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from contracts.errors import PenstockError
from infra.budgets.alerts import Alert, claim, delivered, put_off
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import BudgetMetrics

_TIMEOUT, _AT_ONCE, _FIRST_PAUSE = 5.0, 3, 0.5
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
        due: asyncio.Event,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._log = log
        self._due = due
        self._clock = clock
        self._client: httpx2.AsyncClient | None = None

    async def run(self) -> None:
        """Runs for as long as the worker does."""
        try:
            while True:
                self._due.clear()
                try:
                    while await self.deliver():
                        pass
                except PenstockError as error:
                    self._log.warning("budget_alerts_wait", reason=error.message)
                try:
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await self._due.wait()
                except TimeoutError:
                    continue
        finally:
            if self._client is not None:
                await self._client.aclose()

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
                await self._post(alert.webhook_url, alert)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                await self._put_off(alert, error)
                return
            self._metrics.webhooks.labels("delivered").inc()
        await delivered(self._engine, alert, self._clock())

    async def _post(self, url: str, alert: Alert) -> None:
        """Raises `httpx2.HTTPError` for any answer but a 2xx."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT)
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(_AT_ONCE),
            wait=wait_exponential_jitter(initial=_FIRST_PAUSE, max=_TIMEOUT),
            retry=retry_if_exception_type(httpx2.HTTPError),
            reraise=True,
        ):
            with attempt:
                (await self._client.post(url, json=alert.told())).raise_for_status()

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
