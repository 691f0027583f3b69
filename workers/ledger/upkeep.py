"""The ledger's partitions, in the background: those of the next days are made, those that are too old go."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import PenstockError
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import LedgerMetrics
from infra.telemetry.told import told
from infra.usage.partitions import days_ahead, drop_partitions, make_partitions

_BETWEEN = 3600.0


class Upkeep:
    """Looks once an hour. Nothing waits for it: a day without a partition gets one with its first row."""

    def __init__(
        self,
        engine: AsyncEngine,
        retention_days: int,
        metrics: LedgerMetrics,
        log: Logger,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._retention = timedelta(days=retention_days)
        self._metrics = metrics
        self._log = log
        self._clock = clock

    async def run(self) -> None:
        """Runs for as long as the worker does."""
        while True:
            try:
                await self.look()
            except (PenstockError, SQLAlchemyError, OSError) as error:
                self._metrics.partitions_failed.inc()
                self._log.warning("ledger_partitions_not_kept_up", reason=told(error))
            await asyncio.sleep(_BETWEEN)

    async def look(self) -> None:
        """Make and drop what is due now. Raises what `infra.usage.partitions` raises."""
        now = self._clock()
        made = await make_partitions(self._engine, days_ahead(now))
        dropped = await drop_partitions(self._engine, (now - self._retention).astimezone(UTC).date())
        if made or dropped:
            told = {"made": [f"{day}" for day in made], "dropped": [f"{day}" for day in dropped]}
            self._log.info("ledger_partitions", **told)
