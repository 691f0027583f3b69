"""Rows into PostgreSQL, many in one transaction."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import psycopg.errors
from sqlalchemy import TextClause
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.database.batches import Batcher, written_to
from infra.telemetry.metrics import LedgerMetrics
from infra.usage.partitions import days_of, make_partitions
from workers.ledger.rows import Arrived, distinct
from workers.ledger.statement import write_statement


@dataclass(frozen=True, slots=True)
class Entry:
    """What settling needs to know of a row. `cost_usd` is None where no price is known."""

    tenant_id: str
    request_id: str
    attempt: int
    started_at: datetime
    organisation_id: str
    key_id: str | None
    model: str
    status: str
    estimated: bool
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a message changed: `before` is None for a new row, else the estimate that it took the place of."""

    before: Entry | None
    after: Entry


Settle = Callable[[AsyncConnection, Sequence[Change]], Awaitable[None]]
"""Does what follows from the changes, in their transaction and at its end: what it locks is locked the shortest."""


class Ledger:
    """Writes batches. A message that was written before changes nothing."""

    def __init__(self, engine: AsyncEngine, metrics: LedgerMetrics, settle: Settle | None = None) -> None:
        self._engine = engine
        self._metrics = metrics
        self._settle = settle
        self._statement = write_statement()

    async def write(self, rows: Sequence[Arrived]) -> list[Change]:
        """Rows, sums and what is settled, in one transaction. A day without a partition gets one first.

        Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached.
        """
        wanted = distinct(rows)
        try:
            changes = await self._write(wanted)
        except IntegrityError as error:
            if not _lacks_partition(error):
                raise
            await make_partitions(self._engine, days_of(row.started_at for row in wanted))
            changes = await self._write(wanted)
        self._count(rows, changes)
        return changes

    def _count(self, rows: Sequence[Arrived], changes: Sequence[Change]) -> None:
        new = sum(change.before is None for change in changes)
        counted = self._metrics.rows
        counted.labels("new").inc(new)
        counted.labels("replaced").inc(len(changes) - new)
        counted.labels("known").inc(len(rows) - len(changes))
        self._metrics.lag.set(max(0.0, time.time() - min(row.stored_at for row in rows)))

    async def _write(self, rows: Sequence[Arrived]) -> list[Change]:
        async with written_to(self._engine, "ledger") as connection:
            changes = await write(connection, self._statement, rows)
            if self._settle is not None and changes:
                await self._settle(connection, changes)
        return changes


def ledger_writer(ledger: Ledger, size: int, linger: float) -> Batcher[Arrived]:
    """A batcher whose `add` returns once its row is committed. Raises what `Ledger.write` raises."""

    async def write_batch(rows: list[Arrived]) -> None:
        await ledger.write(rows)

    return Batcher(write_batch, size, linger)


async def write(connection: AsyncConnection, statement: TextClause, rows: Sequence[Arrived]) -> list[Change]:
    """The rows, which are `distinct`, and the sums of their hours; what they changed."""
    given = orjson.dumps([row.columns for row in rows]).decode()
    told = (await connection.execute(statement, {"rows": given})).mappings().all()
    return [Change(_entry(dict(row), "was"), _required(_entry(dict(row), "now"))) for row in told]


def _entry(row: dict[str, Any], side: str) -> Entry | None:
    if row[f"{side}_tenant_id"] is None:
        return None
    return Entry(**{name: row[f"{side}_{name}"] for name in Entry.__slots__})


def _required(entry: Entry | None) -> Entry:
    if entry is None:
        raise ValueError("a row was written, and is not there")
    return entry


def _lacks_partition(error: IntegrityError) -> bool:
    cause = error.orig
    return isinstance(cause, psycopg.errors.CheckViolation) and cause.diag.constraint_name is None
