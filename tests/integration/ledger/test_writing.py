"""The ledger's rows and the sums of their hours: exact, however often a message comes and in whatever order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from contracts.inference import TokenUsage
from contracts.usage import INTERRUPTED, UsageRecorded
from tests.support.database import Database
from tests.support.usage import NOON, arrived, cache_hit, ledger_on, used
from workers.ledger.writer import Change

TOKENS = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")


async def sums(database: Database, table: str = "usage_hourly") -> dict[str, Any]:
    """All hours together."""
    (row,) = await database.rows(
        "SELECT count(*) AS cells, sum(requests)::int AS requests, sum(calls)::int AS calls, "
        "sum(cache_hits)::int AS cache_hits, sum(failed)::int AS failed, sum(estimated)::int AS estimated, "
        "sum(unpriced)::int AS unpriced, sum(input_tokens)::int AS input_tokens, sum(cost_usd) AS cost_usd, "
        "sum(saved_usd) AS saved_usd, sum(latency_us)::int AS latency_us "
        f"FROM {table}"
    )
    return row


async def write(engine: AsyncEngine, *messages: UsageRecorded) -> list[Change]:
    return await ledger_on(engine).write([arrived(message) for message in messages])


def estimate(**fields: Any) -> UsageRecorded:
    return used(
        TokenUsage(input_tokens=99, estimated=True),
        **{"status": INTERRUPTED, "cost_usd": Decimal("0.5"), "latency_ms": 1.0, "first_token_ms": None, **fields},
    )


async def test_a_row_says_all_that_its_message_said(engine: AsyncEngine, database: Database):
    await database.execute(
        "INSERT INTO organisations (id) VALUES ('house')",
        "INSERT INTO tenants (id, organisation_id) VALUES ('acme', 'house')",
    )
    message = used(tags={"team": "search"}, trace_id="ab", error_code="x", saved_usd=None)
    await write(engine, message)
    (row,) = await database.usage(message.request_id)
    said = message.model_dump(exclude={"usage", "tenant"}) | message.usage.model_dump()
    assert {name: row[name] for name in said} == said
    assert (row["tenant_id"], row["organisation_id"]) == ("acme", "house")


async def test_sums_are_those_of_the_rows(engine: AsyncEngine, database: Database):
    hours = [NOON, NOON + timedelta(minutes=29), NOON + timedelta(hours=1)]
    messages = [
        used(
            TokenUsage(input_tokens=number, output_tokens=3 * number, estimated=number % 5 == 0),
            tenant=f"t{number % 3}",
            key_id=("k1", None)[number % 2],
            model=f"m{number % 4}",
            status=("completed", "failed", "cancelled")[number % 3],
            cost_usd=None if number % 7 == 0 else Decimal(number).scaleb(-10),
            started_at=hours[number % 3] + timedelta(microseconds=number),
            tags={"team": f"x{number % 2}"} if number % 4 else None,
        )
        for number in range(120)
    ]
    messages += [cache_hit(tenant="t1", saved_usd=Decimal("0.1"), saved_ms=1.5) for _ in range(3)]
    for begin in range(0, len(messages), 50):
        await write(engine, *messages[begin : begin + 50])
    of_rows = await database.rows(
        "SELECT tenant_id, key_id, model, route, tags, date_trunc('hour', started_at, 'UTC') AS hour, "
        "count(*) FILTER (WHERE status <> 'cache_hit') AS calls, count(*) FILTER (WHERE status = 'failed') AS failed, "
        "count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced, sum(input_tokens)::int AS input_tokens, "
        "sum(output_tokens)::int AS output_tokens, coalesce(sum(cost_usd), 0) AS cost_usd, "
        "coalesce(sum(saved_usd), 0) AS saved_usd, coalesce(sum(saved_ms) * 1000, 0)::int AS saved_us, "
        "coalesce(sum(round(latency_ms * 1000)) FILTER (WHERE status <> 'cache_hit'), 0)::int AS latency_us "
        "FROM usage GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5::text, 6"
    )
    of_hours = await database.rows(
        "SELECT tenant_id, key_id, model, route, tags, hour, calls, failed, unpriced, input_tokens, output_tokens, "
        "cost_usd, saved_usd, saved_us, latency_us FROM usage_hourly ORDER BY 1, 2, 3, 4, 5::text, 6"
    )
    assert of_hours == of_rows
    direct = sum((message.cost_usd or Decimal() for message in messages), Decimal())
    assert (await sums(database))["cost_usd"] == direct
    of_tenants = (
        "SELECT tenant_id, hour, sum(calls)::int AS calls, sum(cost_usd) AS cost_usd FROM {} "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert await database.rows(of_tenants.format("usage_hourly_by_tenant")) == await database.rows(
        of_tenants.format("usage_hourly")
    )


async def test_a_message_that_comes_again_changes_nothing(engine: AsyncEngine, database: Database):
    messages = [used(), cache_hit(saved_usd=Decimal("0.25"))]
    assert [change.before for change in await write(engine, *messages)] == [None, None]
    before = await sums(database)
    assert await write(engine, *messages, *messages) == []
    assert await sums(database) == before
    assert (before["requests"], before["calls"], before["cache_hits"]) == (2, 1, 1)
    assert (before["cost_usd"], before["saved_usd"]) == (Decimal("0.0000000007"), Decimal("0.25"))


async def test_an_attempt_has_one_row_even_if_its_messages_disagree_about_the_time(
    engine: AsyncEngine, database: Database
):
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    before, after = (used(request_id="r1", started_at=midnight + timedelta(seconds=side)) for side in (-1, 1))
    for messages in ((before,), (after,), (after, before)):
        await write(engine, *messages)
    (row,) = await database.usage("r1")
    assert (row["started_at"], (await sums(database))["calls"]) == (before.started_at, 1)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("estimate_first", [True, False])
async def test_what_is_known_takes_the_place_of_an_estimate(
    engine: AsyncEngine, database: Database, *, at_once: bool, estimate_first: bool
):
    known = used(request_id="r1", cost_usd=Decimal("0.3"))
    pair = [estimate(request_id="r1"), known] if estimate_first else [known, estimate(request_id="r1")]
    for messages in [pair] if at_once else [[one] for one in pair]:
        await write(engine, *messages)
    (row,) = await database.usage("r1")
    assert (row["status"], row["cost_usd"], row["estimated"]) == ("completed", Decimal("0.3"), False)
    found = await sums(database)
    assert (found["requests"], found["calls"], found["estimated"], found["input_tokens"]) == (1, 1, 0, 10)
    assert (found["cost_usd"], found["latency_us"]) == (Decimal("0.3"), 100_500)
    assert await sums(database, "usage_daily") == await sums(database, "usage_hourly_by_tenant") == found


async def test_who_settles_is_told_what_was_there_and_what_is(engine: AsyncEngine):
    told: list[Change] = []

    async def settle(_: AsyncConnection, changes: Sequence[Change]) -> None:
        told.extend(changes)

    ledger = ledger_on(engine, settle)
    for message in (estimate(request_id="r1"), used(request_id="r1", cost_usd=None), used(request_id="r1")):
        await ledger.write([arrived(message)])
    first, second = told
    assert (first.before, first.after.cost_usd, first.after.estimated) == (None, Decimal("0.5"), True)
    assert second.before == first.after
    assert (second.after.cost_usd, second.after.status, second.after.organisation_id) == (None, "completed", "default")


async def test_what_can_not_be_settled_is_not_written(engine: AsyncEngine, database: Database):
    async def settle(_: AsyncConnection, __: Sequence[Change]) -> None:
        raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "not now", stage="ledger", retryable=True)

    with pytest.raises(PenstockError, match="not now"):
        await ledger_on(engine, settle).write([arrived(used(request_id="r1"))])
    assert await database.usage("r1") == []
    assert (await sums(database))["cells"] == 0


async def test_replicas_that_write_the_same_rows_neither_lose_nor_double_any(engine: AsyncEngine, database: Database):
    messages = [used(tenant=f"t{number % 5}", cost_usd=Decimal(1)) for number in range(60)]
    orders = [messages, messages[::-1], messages[30:] + messages[:30], messages[::2] + messages[1::2]]
    await asyncio.gather(*(write(engine, *order) for order in orders))
    found = await sums(database)
    assert (found["calls"], found["cost_usd"], found["cells"]) == (60, Decimal(60), 5)


async def test_rows_about_midnight_are_in_the_partitions_of_their_days(engine: AsyncEngine, database: Database):
    """Whatever zone the process and the database are in: days are UTC's. None of them has a partition yet."""
    midnight = datetime(2025, 3, 30, tzinfo=UTC)
    moments = [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1, microseconds=-1)]
    ledgers = [ledger_on(engine) for _ in range(3)]
    await asyncio.gather(*(ledger.write([arrived(used(started_at=m)) for m in moments]) for ledger in ledgers))
    rows = await database.rows(
        "SELECT tableoid::regclass::text AS partition, count(*) AS rows FROM usage GROUP BY 1 ORDER BY 1"
    )
    assert [(row["partition"], row["rows"]) for row in rows] == [("usage_20250329", 3), ("usage_20250330", 6)]
    hours = await database.rows("SELECT hour, calls FROM usage_hourly ORDER BY hour")
    expected = [midnight - timedelta(hours=1), midnight, midnight + timedelta(hours=23)]
    assert [(row["hour"].astimezone(UTC), row["calls"]) for row in hours] == [(hour, 3) for hour in expected]
