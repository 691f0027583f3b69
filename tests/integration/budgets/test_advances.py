"""Money that is set aside: no budget is overshot by it, nobody is refused for its sake, and it all adds up."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import infra.upkeep
from infra.budgets.advance import LOT
from infra.budgets.reservation import Reservation, Reservations
from infra.budgets.settlement import expire
from tests.support.advances import (
    Process,
    ahead,
    always_adding_up,
    lose_connections,
    nothing_is_set_aside,
    reserved_for,
    set_aside,
)
from tests.support.advances import process as process_on
from tests.support.budgets import ACME, KEY, MILLS, NOON, OTHER, Books, add_budget, call, granted
from tests.support.budgets import reserving as reserving_from
from tests.support.database import Database
from tests.support.servers import Server

TOTAL = "tenant-acme-total 1970-01-01"


@pytest.fixture
async def process(books: Books, nats_server: Server) -> AsyncIterator[Process]:
    async with process_on(books.database, nats_server) as one:
        yield one


@pytest.fixture
async def other(books: Books, nats_server: Server) -> AsyncIterator[Process]:
    async with process_on(books.database, nats_server) as one:
        yield one


@pytest.fixture
async def reservations(books: Books) -> AsyncIterator[Reservations]:
    async with reserving_from(books.database) as made:
        yield made


async def refusals_told(database: Database) -> int:
    return len(await database.rows("SELECT FROM budget_alerts WHERE event = 'refused'"))


async def test_who_calls_often_is_covered_and_what_nobody_uses_is_handed_back(books: Books, process: Process):
    await add_budget(books.database, "tenant", ACME, "total", "100")
    await add_budget(books.database, "organisation", MILLS, "month", "100")
    await process.warm()
    await process.warm()
    await nothing_is_set_aside(books.database)
    due = Decimal("0.01") * len(process.made)
    assert await books.balances() == {"organisation-mills-month 2026-11-01": (0, due), TOTAL: (0, due)}
    for made in process.made:
        await books.record(made, "0.004")
    spent = Decimal("0.004") * len(process.made)
    assert await books.balances() == {"organisation-mills-month 2026-11-01": (spent, 0), TOTAL: (spent, 0)}
    assert await books.reserved() == 0


async def test_as_much_is_granted_as_there_is_money_for_though_another_process_has_set_some_aside(
    books: Books, process: Process, other: Process, nats_server: Server
):
    await add_budget(books.database, "tenant", ACME, "total", "3.00")
    async with process_on(books.database, nats_server) as third, always_adding_up(books.database):
        await process.warm()
        for _ in range(3):
            await asyncio.gather(*(one.call() for one in (other, third) for _ in range(40)))
        assert await process.call()
        for one in (other, third):
            while await one.call():
                pass
        assert len(process.made) + len(other.made) + len(third.made) == 300
        assert not any(await asyncio.gather(*(process.call() for _ in range(10))))
    assert await books.balances() == {TOTAL: (0, 3)}


async def test_whatever_happens_what_is_reserved_is_the_sum_of_reservations_and_no_budget_is_overshot(
    books: Books, process: Process, nats_server: Server
):
    await add_budget(books.database, "tenant", ACME, "day", "1.2")
    await add_budget(books.database, "organisation", MILLS, "month", "1.5")
    await add_budget(books.database, "key", KEY, "total", "1")
    chance = random.Random(33)
    spent = Decimal(0)
    open_: list[Reservation] = []
    async with process_on(books.database, nats_server) as other, always_adding_up(books.database):
        for _ in range(150):
            one = chance.choice((process, process, other))
            what = chance.random()
            if what < 0.1:
                one.advances.end_all()
            elif what < 0.25 and open_:
                settled = open_.pop(chance.randrange(len(open_)))
                await books.record(settled, str(settled.amount / 2))
                spent += settled.amount / 2
            elif await one.call(str(chance.randint(1, 12) / Decimal(1000))):
                open_.append(one.made[-1])
        await asyncio.gather(*(books.record(one, "0") for one in open_))
    assert process.covered
    await process.advances.close()
    assert await books.balances() == {
        "key-00aa-total 1970-01-01": (spent, 0),
        "organisation-mills-month 2026-11-01": (spent, 0),
        "tenant-acme-day 2026-11-23": (spent, 0),
    }
    assert await books.reserved() == 0


async def test_a_call_that_had_less_reserved_when_it_was_delivered_before_has_enough(books: Books, process: Process):
    await add_budget(books.database, "tenant", ACME, "total", "100")
    before = call("0.004", request_id="again", expires_at=NOON + timedelta(minutes=1))
    assert await granted(process.reservations, before)
    await process.warm()
    assert await process.call("0.01", request_id="again")
    await process.advances.close()
    (row,) = await books.database.rows("SELECT * FROM budget_reservations WHERE request_id = 'again'")
    assert (row["amount"], row["expires_at"]) == (Decimal("0.01"), process.made[-1].expires_at)
    assert await books.balances() == {TOTAL: (0, Decimal("0.01") * len(process.made))}


@pytest.mark.parametrize("noticed", [True, False])
async def test_calls_are_reserved_for_though_a_server_that_died_forgot_what_was_set_aside(
    noticed: bool, books: Books, process: Process
):
    await add_budget(books.database, "tenant", ACME, "total", "100")
    await process.warm()
    await books.database.execute(
        "SELECT FROM budget_balances FOR UPDATE",
        "UPDATE budget_balances SET reserved = reserved - (SELECT sum(amount) FROM budget_reservations "
        "WHERE request_id LIKE 'ahead.%')",
        "DELETE FROM budget_reservations WHERE request_id LIKE 'ahead.%'",
    )
    if noticed:
        await lose_connections(books.database)
    assert await process.call()
    await process.advances.close()
    assert await books.balances() == {TOTAL: (0, Decimal("0.01") * len(process.made))}
    assert await books.reserved() == len(process.made)


async def test_what_a_server_may_have_forgotten_is_said_again_before_anything_else_or_not_relied_on(
    books: Books, process: Process, monkeypatch: pytest.MonkeyPatch
):
    await add_budget(books.database, "tenant", ACME, "total", "100")
    await process.warm()
    monkeypatch.setattr(infra.upkeep, "BEHIND", 0.3)
    assert await process.call()
    last, covered = process.made[-1], process.covered
    await lose_connections(books.database)
    assert await process.call(tenant=OTHER, key_id=None)
    assert await reserved_for(books.database, last) == [Decimal("0.01")]
    assert await process.call()
    assert process.covered == covered
    await process.advances.close()
    assert await books.balances() == {TOTAL: (0, Decimal("0.01") * (len(process.made) - 1))}


async def test_after_a_change_it_is_handed_back_and_a_budget_that_was_lowered_refuses_at_once(
    books: Books, process: Process
):
    await add_budget(books.database, "tenant", ACME, "total", "100")
    await process.warm()
    await books.database.execute(f"UPDATE budgets SET amount_usd = {Decimal('0.01') * len(process.made)}")
    process.advances.end_all()
    assert not await process.call()
    await nothing_is_set_aside(books.database)
    assert await books.balances() == {TOTAL: (0, Decimal("0.01") * len(process.made))}


async def test_what_a_process_did_not_live_to_hand_back_is_given_up_in_time_and_until_then_refusals_come_soon(
    books: Books, process: Process, engine: AsyncEngine, reservations: Reservations
):
    await add_budget(books.database, "tenant", ACME, "total", "1")
    dead = ahead("0.08", expires_at=NOON + timedelta(minutes=1))
    assert await reservations.ask(dead) is None
    assert await process.call("0.92")
    began = time.monotonic()
    assert not await process.call()
    assert time.monotonic() - began < 5
    assert await expire(engine, dead.expires_at, "test") == 0
    assert await expire(engine, dead.expires_at + timedelta(seconds=1), "test") == 1
    assert await process.call("0.08")
    assert not await process.call()


async def test_a_refusal_that_handing_back_mends_is_told_to_nobody_and_a_real_one_is(
    books: Books, process: Process, other: Process
):
    await add_budget(books.database, "tenant", ACME, "total", "3")
    await process.warm()
    rest = 3 - Decimal("0.01") * len(process.made)
    assert await other.call(str(rest))
    assert await refusals_told(books.database) == 0
    assert not await other.call()
    assert await refusals_told(books.database) == 1


async def test_what_others_have_set_aside_does_not_hide_that_a_budget_is_used_up(
    books: Books, process: Process, reservations: Reservations
):
    """Another key's money is none of this key's budget, and yesterday's none of today's."""
    await add_budget(books.database, "key", KEY, "day", "1")
    await add_budget(books.database, "organisation", MILLS, "month", "100")
    for elsewhere in (ahead("0.08", key_id=None), ahead("0.08", tenant=OTHER, key_id=None)):
        assert await reservations.ask(elsewhere) is None
    assert await reservations.ask(ahead("0.08", started_at=NOON - timedelta(days=1))) is None
    assert await process.call("1")
    assert not await process.call()
    assert await refusals_told(books.database) == 1


async def test_a_day_is_paid_of_its_own_money(books: Books, process: Process):
    await add_budget(books.database, "tenant", ACME, "day", "10")
    await process.warm()
    before, covered = len(process.made), process.covered
    process.clock.now += timedelta(days=1)
    assert await process.call()
    assert process.covered == covered
    await process.warm()
    await process.advances.close()
    assert await books.balances() == {
        "tenant-acme-day 2026-11-23": (0, Decimal("0.01") * before),
        "tenant-acme-day 2026-11-24": (0, Decimal("0.01") * (len(process.made) - before)),
    }


async def test_no_more_calls_are_covered_than_there_is_set_aside_for_and_a_process_that_stops_books_its_last_ones(
    books: Books, nats_server: Server
):
    await add_budget(books.database, "tenant", ACME, "total", "100")
    async with process_on(books.database, nats_server) as one:
        await one.warm()
        before = one.covered
        assert all(await asyncio.gather(*(one.call() for _ in range(3 * LOT))))
        assert 0 < one.covered - before <= LOT
    assert await set_aside(books.database) == {}
    assert [await reserved_for(books.database, made) for made in one.made] == [[Decimal("0.01")]] * len(one.made)
    assert await books.balances() == {TOTAL: (0, Decimal("0.01") * len(one.made))}
