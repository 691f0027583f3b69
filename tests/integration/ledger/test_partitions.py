"""The ledger's days: there before they begin, gone when they are too old, and nobody waits for either."""

from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.telemetry.metrics import LedgerMetrics
from infra.usage.partitions import drop_partitions, make_partitions, partition_of
from tests.support.database import Database
from tests.support.logs import RecordedLog
from tests.support.usage import arrived, ledger_on, used
from workers.ledger.upkeep import Upkeep

NOW = datetime(2031, 6, 15, 23, 59, tzinfo=UTC)
NAMES: LiteralString = (
    r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^usage_\d{8}$' ORDER BY relname"
)


@pytest.fixture
async def days(database: Database) -> Database:
    """A database whose ledger has no partition."""
    for row in await database.rows(NAMES):
        await database.execute(f"DROP TABLE {row['relname']}")
    return database


def upkeep(engine: AsyncEngine, log: RecordedLog, retention_days: int) -> Upkeep:
    return Upkeep(engine, retention_days, LedgerMetrics(CollectorRegistry()), log.logger, lambda: NOW)


async def names(database: Database) -> list[str]:
    return [row["relname"] for row in await database.rows(NAMES)]


async def test_the_next_days_are_made_and_the_old_go_with_their_rows(
    engine: AsyncEngine, days: Database, log: RecordedLog
):
    ages = {age: used(request_id=f"old-{age}", started_at=NOW - timedelta(days=age)) for age in (40, 31, 30, 0)}
    await ledger_on(engine).write([arrived(message) for message in ages.values()])
    await upkeep(engine, log, 30).look()
    kept = [NOW - timedelta(days=30), *(NOW + timedelta(days=ahead) for ahead in range(4))]
    assert await names(days) == [partition_of(day.date()) for day in kept]
    left = await days.rows("SELECT request_id FROM usage ORDER BY 1")
    assert [row["request_id"] for row in left] == ["old-0", "old-30"]
    (summed,) = await days.rows("SELECT sum(calls)::int AS calls FROM usage_hourly")
    assert summed["calls"] == len(ages)


async def test_a_day_goes_that_another_process_began_to_drop_and_did_not_live_to(engine: AsyncEngine, days: Database):
    yesterday, today = (NOW - timedelta(days=1)).date(), NOW.date()
    await make_partitions(engine, [yesterday, today])
    await days.execute(f"ALTER TABLE usage DETACH PARTITION {partition_of(yesterday)}")
    assert await drop_partitions(engine, today) == [yesterday]
    assert await names(days) == [partition_of(today)]


async def test_neither_waits_for_a_writer_nor_a_writer_for_it(engine: AsyncEngine, days: Database):
    """A transaction that holds what a batch holds, and one that reads, keep nobody from making a day."""
    await make_partitions(engine, [NOW.date()])
    async with await psycopg.AsyncConnection.connect(days.url) as other:
        await other.execute("SELECT FROM usage")
        await other.execute("LOCK TABLE usage IN ROW EXCLUSIVE MODE")
        tomorrow = (NOW + timedelta(days=1)).date()
        assert await make_partitions(engine, [NOW.date(), tomorrow]) == [tomorrow]
        await ledger_on(engine).write([arrived(used(started_at=NOW + timedelta(days=1)))])


async def test_only_one_process_drops_at_a_time(engine: AsyncEngine, days: Database):
    await make_partitions(engine, [NOW.date()])
    after = (NOW + timedelta(days=1)).date()
    async with await psycopg.AsyncConnection.connect(days.url, autocommit=True) as other:
        await other.execute("SELECT pg_advisory_lock(%s)", (0x70656E75,))
        assert await drop_partitions(engine, after) == []
        await other.execute("SELECT pg_advisory_unlock_all()")
    assert await drop_partitions(engine, after) == [NOW.date()]
