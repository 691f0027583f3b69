"""Reports against a direct computation over the messages that the ledger was given."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.inference import TokenUsage
from contracts.usage import UsageRecorded
from infra.usage.question import Bucket, Question
from infra.usage.report import Report, moment_of, report
from tests.support.database import Database
from tests.support.usage import NOON, arrived, cache_hit, ledger_on, used

WEEK = Question(NOON.replace(hour=0, minute=0, second=0, microsecond=0), NOON + timedelta(days=7), bucket="none")
MESSAGES = [
    used(
        TokenUsage(input_tokens=number + 1, output_tokens=2 * number),
        tenant=f"t{number % 3}",
        key_id=f"k{number % 5}" if number % 5 else None,
        model=f"m{number % 4}",
        route=("alias", None)[number % 2],
        cost_usd=Decimal(number * 1000003).scaleb(-10),
        started_at=NOON + timedelta(hours=7 * (number % 6), microseconds=number),
        tags={"team": ("search", "shop")[number % 2], "feature": f"f{number % 3}"} if number % 7 else None,
    )
    for number in range(80)
] + [cache_hit(tenant="t1", model="m1", saved_usd=Decimal(number).scaleb(-3), saved_ms=250.0) for number in range(5)]


@pytest.fixture
async def written(database: Database, engine: AsyncEngine) -> AsyncEngine:
    """An engine on a database whose ledger holds the messages."""
    await database.execute("INSERT INTO tenants (id) VALUES ('t0')")
    await ledger_on(engine).write([arrived(message) for message in MESSAGES])
    return engine


def tag(name: str) -> Callable[[UsageRecorded], str]:
    return lambda message: (message.tags or {}).get(name, "")


PLACES: dict[str, Callable[[UsageRecorded], str]] = {
    "tenant": lambda message: message.tenant,
    "key": lambda message: message.key_id or "",
    "model": lambda message: message.model,
    "route": lambda message: message.route or "",
    "organisation": lambda message: "default",
    "day": lambda message: moment_of(message.started_at.replace(hour=0, minute=0, second=0)),
    "hour": lambda message: moment_of(message.started_at.replace(minute=0, second=0)),
}


def direct(messages: list[UsageRecorded], *names: Callable[[UsageRecorded], str]) -> dict[tuple[str, ...], Decimal]:
    """Dollars by place, as an accountant adds them up."""
    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for message in messages:
        sums[tuple(name(message) for name in names)] += message.cost_usd or 0
    return dict(sums)


def reported(found: Report) -> dict[tuple[str, ...], Decimal]:
    return {row.place: row.cost_usd for row in found.rows}


@pytest.mark.parametrize("bucket", ["none", "day", "hour"])
@pytest.mark.parametrize("by", [("tenant",), ("model",), ("key", "route"), ("organisation", "tenant", "model"), ()])
async def test_sums_are_those_of_a_direct_computation(written: AsyncEngine, bucket: Bucket, by: tuple[str, ...]):
    found = await report(written, replace(WEEK, bucket=bucket, by=by))
    names = (*(() if bucket == "none" else (PLACES[bucket],)), *(PLACES[name] for name in by))
    expected = direct(MESSAGES, *names)
    assert reported(found) == expected
    assert [row.place for row in found.rows] == sorted(expected)
    assert found.total.cost_usd == sum(expected.values())
    assert found.total.counts["input_tokens"] == sum(message.usage.input_tokens for message in MESSAGES)


async def test_tags_break_down_and_what_has_none_is_there_too(written: AsyncEngine):
    found = await report(written, replace(WEEK, by=("tenant",), tags=("team", "feature")))
    assert reported(found) == direct(MESSAGES, PLACES["tenant"], tag("team"), tag("feature"))


async def test_filters_leave_what_has_one_of_their_values(written: AsyncEngine):
    narrow = replace(
        WEEK, filters={"tenant": ["t0", "t1"], "model": ["m1"]}, tagged={"team": ["shop", "x"], "feature": ["f1"]}
    )
    left = [
        message
        for message in MESSAGES
        if message.tenant in {"t0", "t1"} and message.model == "m1" and message.tags
        and (message.tags["team"], message.tags["feature"]) == ("shop", "f1")
    ]  # fmt: skip
    assert left
    assert reported(await report(written, narrow)) == direct(left)


async def test_a_value_that_is_sql_is_a_value(written: AsyncEngine):
    hostile = "t0' OR '1'='1"
    question = replace(WEEK, filters={"tenant": [hostile]}, tags=("x'; DROP TABLE usage_hourly; --",))
    found = await report(written, question)
    assert (found.rows, found.total.counts["calls"], found.total.cost_usd) == ([], 0, 0)


async def test_cache_hits_say_what_they_saved_and_are_no_calls(written: AsyncEngine):
    found = await report(written, replace(WEEK, filters={"tenant": ["t1"], "model": ["m1"]}))
    (row,) = found.rows
    asked = [message for message in MESSAGES if (message.tenant, message.model) == ("t1", "m1")]
    assert (row.counts["cache_hits"], row.counts["calls"]) == (5, len(asked) - 5)
    assert row.counts["requests"] == len(asked)
    assert (row.saved_usd, row.saved_seconds) == (Decimal("0.010"), 1.25)
    assert row.mean_latency_ms == 100.5


async def test_hours_that_are_not_asked_for_do_not_count(written: AsyncEngine):
    noon = NOON.replace(minute=0, second=0, microsecond=0)
    found = await report(written, replace(WEEK, start=noon + timedelta(hours=1), end=noon + timedelta(hours=8)))
    expected = [message for message in MESSAGES if message.started_at.hour == 19]
    assert reported(found) == direct(expected)


async def pages(engine: AsyncEngine, question: Question) -> list[Report]:
    found = [await report(engine, question)]
    while (after := found[-1].after) is not None:
        found.append(await report(engine, replace(question, after=after)))
    return found


@pytest.mark.parametrize("bucket", ["none", "day", "hour"])
@pytest.mark.parametrize("by", [("tenant", "key"), ("tenant", "organisation")])
async def test_pages_are_the_list_in_pieces_and_each_has_the_total(
    written: AsyncEngine, bucket: Bucket, by: tuple[str, ...]
):
    question = replace(WEEK, bucket=bucket, by=by)
    whole = await report(written, question)
    pieces = await pages(written, replace(question, limit=2))
    assert [row for page in pieces for row in page.rows] == whole.rows
    assert all(page.total == whole.total and len(page.rows) <= 2 for page in pieces)


async def test_a_long_time_by_hour_is_read_in_pages_that_may_be_empty(written: AsyncEngine):
    long = replace(WEEK, start=WEEK.start - timedelta(days=15), end=WEEK.end + timedelta(days=8), bucket="hour")
    found = await pages(written, replace(long, by=("model",)))
    assert [bool(page.rows) for page in found] == [False, False, True, False, False]
    expected = direct(MESSAGES, PLACES["hour"], PLACES["model"])
    assert {place: cost for page in found for place, cost in reported(page).items()} == expected
    assert len(await pages(written, replace(long, by=("tenant",)))) == 1


async def test_where_nothing_was_used_the_total_is_nothing(written: AsyncEngine):
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    found = await report(written, Question(long_ago, long_ago + timedelta(days=1), by=("tenant",)))
    assert (found.rows, found.after, found.total.counts["requests"], found.total.mean_latency_ms) == ([], None, 0, None)
