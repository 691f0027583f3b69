"""Reservations of calls that are made of money that was set aside: however often it is said, and whoever was first."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.budgets.advance_rows import AdvanceRows
from infra.budgets.reservation import Reservations
from tests.support.advances import ahead, reserved_for, set_aside
from tests.support.budgets import ACME, Books, add_budget, call, found_organisation, reserving
from tests.support.database import Database

TOTAL = "tenant-acme-total 1970-01-01"


@pytest.fixture
async def books(engine: AsyncEngine, database: Database) -> Books:
    await found_organisation(database)
    await add_budget(database, "tenant", ACME, "total", "1")
    return Books(engine, database)


@pytest.fixture
async def reservations(books: Books) -> AsyncIterator[Reservations]:
    async with reserving(books.database) as made:
        yield made


async def test_a_call_that_the_ledger_has_already_gets_no_reservation(books: Books, reservations: Reservations):
    rows, advance, done, open_ = AdvanceRows(reservations.session), ahead("0.08"), call("0.01"), call("0.02")
    assert await reservations.ask(advance) is None
    await books.record(done, "0.003")
    assert await rows.book(advance, [done, open_])
    assert (await reserved_for(books.database, done), await reserved_for(books.database, open_)) == (
        [],
        [Decimal("0.02")],
    )
    await rows.hand_back(advance)
    assert await books.balances() == {TOTAL: (Decimal("0.003"), Decimal("0.02"))}


async def test_a_booking_that_is_said_twice_takes_once(books: Books, reservations: Reservations):
    """As after an answer that was lost: the first time may have been in vain, or not."""
    rows, advance, settled, open_ = AdvanceRows(reservations.session), ahead("0.08"), call("0.01"), call("0.02")
    assert await reservations.ask(advance) is None
    assert await rows.book(advance, [settled, open_])
    await books.record(settled, "0.003")
    later = call("0.03")
    assert await rows.book(advance, [settled, open_, later])
    assert await set_aside(books.database) == {advance.request_id: Decimal("0.02")}
    assert await books.balances() == {TOTAL: (Decimal("0.003"), Decimal("0.07"))}
    assert not await rows.book(advance, [call("0.01"), call("0.02")])
    await rows.hand_back(advance)
    await rows.hand_back(advance)
    assert await books.balances() == {TOTAL: (Decimal("0.003"), Decimal("0.05"))}


async def test_a_call_that_had_less_reserved_or_for_less_long_is_not_booked(books: Books, reservations: Reservations):
    """Whoever has made it reserves it as it is now, whatever is left."""
    rows, advance = AdvanceRows(reservations.session), ahead("0.08")
    assert await reservations.ask(advance) is None
    for before in (call("0.01"), call("0.02", expires_at=advance.expires_at - timedelta(seconds=1))):
        assert await reservations.ask(before) is None
        now = call("0.02", request_id=before.request_id)
        assert not await rows.book(advance, [now])
        await reservations.insist(now)
        assert await rows.book(advance, [now])
        assert await reserved_for(books.database, now) == [Decimal("0.02")]
    assert await set_aside(books.database) == {advance.request_id: Decimal("0.08")}
    assert await books.balances() == {TOTAL: (0, Decimal("0.12"))}


async def test_a_call_that_was_delivered_twice_at_once_is_booked_once(books: Books, reservations: Reservations):
    rows, advance, twice = AdvanceRows(reservations.session), ahead("0.08"), call("0.02")
    assert await reservations.ask(advance) is None
    assert await rows.book(advance, [twice, twice])
    assert await set_aside(books.database) == {advance.request_id: Decimal("0.06")}
    assert await books.balances() == {TOTAL: (0, Decimal("0.08"))}
