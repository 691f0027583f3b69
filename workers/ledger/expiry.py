"""Reservations whose calls nobody lived to record are given up, and budgets shown, in the background."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import PenstockError
from infra.budgets.settlement import expire
from infra.budgets.standing import standings
from infra.streams import USAGE
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import BudgetMetrics
from infra.telemetry.told import told

_BETWEEN = 5.0
_AWAY = (PenstockError, SQLAlchemyError, nats.errors.Error, JetStreamError, OSError, TimeoutError)


class Expiry:
    """Looks every few seconds.

    A reservation is given up only when all that was stored before its time was over is in the ledger: its own row may
    still wait there for a worker that was away for long.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        js: JetStreamContext,
        metrics: BudgetMetrics,
        log: Logger,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._js = js
        self._metrics = metrics
        self._log = log
        self._clock = clock

    async def run(self) -> None:
        """Runs for as long as the worker does."""
        while True:
            try:
                await self.look()
            except _AWAY as error:
                self._log.warning("budgets_not_kept_up", reason=told(error))
            await asyncio.sleep(_BETWEEN)

    async def look(self) -> None:
        """Give up what is due now, and show how budgets stand. Raises what is in `_AWAY`."""
        now = self._clock()
        if expired := await expire(self._engine, await self._recorded_until(now), "ledger"):
            self._metrics.expired.inc(expired)
            self._log.warning("budget_reservations_expired", count=expired)
        found = await standings(self._engine, now)
        for gauge in (self._metrics.spent, self._metrics.reserved):
            gauge.clear()
        for standing in found:
            labels = (standing.budget_id, standing.kind, standing.subject, standing.period)
            self._metrics.spent.labels(*labels).set(float(standing.spent / standing.amount))
            self._metrics.reserved.labels(*labels).set(float(standing.reserved / standing.amount))

    async def _recorded_until(self, now: datetime) -> datetime:
        """What was used before this moment is in the ledger: the queue's oldest message is younger."""
        state = (await self._js.stream_info(USAGE)).state
        if not state.messages:
            return now
        try:
            oldest = await self._js.get_msg(USAGE, seq=state.first_seq)
        except NotFoundError:
            return now
        return now if oldest.time is None else min(now, oldest.time)
