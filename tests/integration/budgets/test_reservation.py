"""What is reserved of budgets: never more than they have, whoever asks and when, and the same however often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.budgets.reservation import Reservations
from infra.budgets.settlement import expire
from tests.support.budgets import ACME, KEY, MILLS, NOON, OTHER, Books, add_budget, call, granted
from tests.support.budgets import reserving as reserving_from
from tests.support.database import Database


@pytest.fixture
async def reserving(books: Books) -> AsyncIterator[Reservations]:
    async with reserving_from(books.database) as reservations:
        yield reservations


async def test_of_many_at_once_from_many_processes_exactly_as_many_pass_as_there_is_money_for(
    books: Books, database: Database
):
    await add_budget(database, "tenant", ACME, "day", "0.20")
    await add_budget(database, "organisation", MILLS, "month", "100")
    async with reserving_from(database) as one, reserving_from(database) as two, reserving_from(database) as three:
        processes = (one, two, three)
        found = await asyncio.gather(*(granted(processes[n % 3], call("0.01")) for n in range(51)))
    assert sum(found) == 20
    assert await books.balances() == {
        "organisation-mills-month 2026-11-01": (0, Decimal("0.2")),
        "tenant-acme-day 2026-11-23": (0, Decimal("0.2")),
    }


async def test_a_large_one_that_is_refused_takes_nothing_from_a_small_one(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    found = await asyncio.gather(*(granted(reserving, call(amount)) for amount in ("1.5", "0.6", "0.5", "0.4")))
    assert found == [False, True, False, True]


async def test_a_refusal_names_the_budget_that_lasts_longest_and_when_there_is_more(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "key", KEY, "day", "1")
    await add_budget(database, "tenant", ACME, "month", "2")
    await add_budget(database, "organisation", MILLS, "total", "100")
    with pytest.raises(PenstockError) as raised:
        await reserving.reserve(call("3"))
    error = raised.value
    assert (error.code, error.retryable) == (ErrorCode.INSUFFICIENT_QUOTA, False)
    assert "the budget of this tenant, 2 dollars a month" in error.message
    assert "2026-12-01T00:00:00Z" in error.message
    assert error.retry_after == (datetime(2026, 12, 1, tzinfo=UTC) - NOON).total_seconds()
    with pytest.raises(PenstockError) as raised:
        await reserving.reserve(call("101"))
    assert "100 dollars in total" in raised.value.message
    assert raised.value.retry_after is None


async def test_each_level_counts_its_own(books: Books, database: Database, reserving: Reservations):
    await add_budget(database, "key", KEY, "day", "1")
    await add_budget(database, "organisation", MILLS, "day", "2.5")
    assert await granted(reserving, call("1"))
    assert not await granted(reserving, call("0.1"))
    assert await granted(reserving, call("1", key_id=None))
    assert not await granted(reserving, call("1", tenant=OTHER, key_id=None))
    assert await granted(reserving, call("1", tenant="stranger", organisation="default", key_id=None))


async def test_periods_are_of_utc_and_begin_with_what_is_left_of_none_before(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    await add_budget(database, "tenant", ACME, "month", "2.5")
    last = datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
    moments = [last - timedelta(days=1), last, last + timedelta(microseconds=1)]
    assert [await granted(reserving, call("1", started_at=moment)) for moment in moments] == [True] * 3
    assert not await granted(reserving, call("0.1", started_at=last))
    assert not await granted(reserving, call("1", started_at=last - timedelta(days=2)))


async def test_asked_again_it_is_the_same_reservation_of_the_newest_amount(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "total", "1")
    same = call("0.6", request_id="again")
    again = [granted(reserving, same), granted(reserving, same), granted(reserving, call("0.7", request_id="again"))]
    assert await asyncio.gather(*again) == [True] * 3
    assert await books.balances() == {"tenant-acme-total 1970-01-01": (0, Decimal("0.7"))}
    assert not await granted(reserving, call("1.1", request_id="again"))
    assert await granted(reserving, call("0.5", request_id="again"))
    assert await granted(reserving, call("0.5", request_id="again", attempt=2))
    assert await books.reserved() == 2


async def test_asked_again_after_midnight_it_stays_one_of_the_day_before(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    late = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    assert await granted(reserving, call("0.6", request_id="late", started_at=late))
    next_day = call("0.8", request_id="late", started_at=late + timedelta(seconds=2))
    assert await granted(reserving, next_day)
    assert (await books.balances())["tenant-acme-day 2026-11-23"] == (0, Decimal("0.8"))
    await books.record(next_day, "0.3")
    assert await books.balances() == {
        "tenant-acme-day 2026-11-23": (0, 0),
        "tenant-acme-day 2026-11-24": (Decimal("0.3"), 0),
    }


async def test_what_nobody_settles_is_given_up_when_its_time_is_over(
    books: Books, database: Database, reserving: Reservations, engine: AsyncEngine
):
    await add_budget(database, "tenant", ACME, "day", "1")
    died, lives = call("0.6"), call("0.3", expires_at=NOON + timedelta(hours=1))
    assert await granted(reserving, died)
    assert await granted(reserving, lives)
    assert await expire(engine, died.expires_at, "test") == 0
    assert await expire(engine, died.expires_at + timedelta(seconds=1), "test") == 1
    assert await books.balances() == {"tenant-acme-day 2026-11-23": (0, Decimal("0.3"))}
    await books.record(died, "0.5")
    assert await books.balances() == {"tenant-acme-day 2026-11-23": (Decimal("0.5"), Decimal("0.3"))}


async def test_reservations_survive_the_server_whose_connections_are_lost(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    assert await granted(reserving, call("0.6"))
    await database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND query LIKE '%%reserve_budget%%'"
    )
    assert not await granted(reserving, call("0.6"))
    assert await granted(reserving, call("0.4"))


async def test_what_the_server_forgot_when_it_died_is_said_again_but_not_what_is_settled(
    books: Books, database: Database, reserving: Reservations
):
    """Reserving is not waited for on the disk: a server that is killed may lose the last moment's."""
    await add_budget(database, "tenant", ACME, "day", "1")
    settled, open_ = call("0.2"), call("0.6")
    assert await granted(reserving, settled)
    assert await granted(reserving, open_)
    await books.record(settled, "0.1")
    await database.execute("DELETE FROM budget_reservations", "UPDATE budget_balances SET reserved = 0")
    await database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND query LIKE '%%reserve_budget%%'"
    )
    assert not await granted(reserving, call("0.4"))
    assert await books.balances() == {"tenant-acme-day 2026-11-23": (Decimal("0.1"), Decimal("0.6"))}
