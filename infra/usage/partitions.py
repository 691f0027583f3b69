"""The ledger's partitions, one for each day of UTC: made ahead of their rows, dropped when they are too old.

Neither takes a lock that a writer or a reader of the ledger has to wait for.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.database.batches import written_to

STAGE = "ledger"
AHEAD = 3
"""Days after today that have their partition already."""
_LOCK = 0x70656E75
"""Who makes or drops partitions holds this advisory lock: all replicas of the ledger worker do both."""
_PATIENCE_MS = 60_000
_NAME = re.compile(r"usage_(\d{8})")
_HOLD = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_TRY = text(f"SELECT pg_try_advisory_lock({_LOCK})")
_RELEASE = text(f"SELECT pg_advisory_unlock({_LOCK})")
_PATIENCE = text(f"SET statement_timeout = {_PATIENCE_MS}")
_PATIENCE_AGAIN = text("RESET statement_timeout")
_THERE = text("SELECT to_regclass(:name) IS NOT NULL")
_ALL = text(r"""
SELECT c.relname AS name, i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS pending
FROM pg_class c JOIN pg_class u ON u.oid = 'usage'::regclass AND u.relnamespace = c.relnamespace
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = u.oid
WHERE c.relkind = 'r' AND c.relname ~ '^usage_\d{8}$' ORDER BY c.relname
""")


def partition_of(day: date) -> str:
    """The name of a day's partition."""
    return f"usage_{day:%Y%m%d}"


def days_of(moments: Iterable[datetime]) -> set[date]:
    """The days of UTC that moments lie in."""
    return {moment.astimezone(UTC).date() for moment in moments}


def days_ahead(now: datetime) -> set[date]:
    """Today, and the days that are to have their partition already."""
    return {now.astimezone(UTC).date() + timedelta(days=days) for days in range(AHEAD + 1)}


async def make_partitions(engine: AsyncEngine, days: Iterable[date]) -> list[date]:
    """See to it that these days have a partition; the days that had none, each in a transaction of its own.

    Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached.
    """
    made = []
    for day in sorted(days):
        async with written_to(engine, STAGE) as connection:
            await connection.execute(_HOLD)
            if not await connection.scalar(_THERE, {"name": partition_of(day)}):
                await _make(connection, day)
                made.append(day)
    return made


async def drop_partitions(engine: AsyncEngine, before: date) -> list[date]:
    """Drop the days before one, with their rows; the days that are gone. Sums by hour stay.

    Nothing is done where another process is at it. Raises `sqlalchemy.exc.DBAPIError`: what reads the ledger for longer
    than a minute keeps its partitions for as long, and the next call goes on with what this one began.
    """
    gone = []
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        if not await connection.scalar(_TRY):
            return []
        try:
            await connection.execute(_PATIENCE)
            for row in (await connection.execute(_ALL)).all():
                day = _day_of(row.name)
                if day < before:
                    await _drop(connection, row.name, attached=row.attached, pending=row.pending)
                    gone.append(day)
        finally:
            await connection.execute(_PATIENCE_AGAIN)
            await connection.execute(_RELEASE)
    return gone


async def _make(connection: AsyncConnection, day: date) -> None:
    """`CREATE TABLE … PARTITION OF` would lock every reader and writer out; `ATTACH` locks none of them."""
    name, after = partition_of(day), day + timedelta(days=1)
    await connection.execute(text(f"CREATE TABLE {name} (LIKE usage INCLUDING ALL)"))
    bounds = f"FROM ('{day} 00:00:00+00') TO ('{after} 00:00:00+00')"
    await connection.execute(text(f"ALTER TABLE usage ATTACH PARTITION {name} FOR VALUES {bounds}"))


async def _drop(connection: AsyncConnection, name: str, *, attached: bool, pending: bool) -> None:
    if attached:
        how = "FINALIZE" if pending else "CONCURRENTLY"
        await connection.execute(text(f"ALTER TABLE usage DETACH PARTITION {name} {how}"))
    await connection.execute(text(f"DROP TABLE {name}"))


def _day_of(name: str) -> date:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no partition of the ledger")
    return datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).date()
