"""What calls cost comes out of every budget that they count against, once, in the transaction of their rows."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from contracts.usage import INTERRUPTED
from infra.budgets.reservation import Reservations
from tests.support.budgets import ACME, KEY, MILLS, NOON, OTHER, Books, add_budget, call, granted
from tests.support.budgets import reserving as reserving_from
from tests.support.database import Database

DAY = "tenant-acme-day 2026-11-23"


@pytest.fixture
async def reserving(books: Books) -> AsyncIterator[Reservations]:
    async with reserving_from(books.database) as reservations:
        yield reservations


async def test_a_row_gives_back_what_was_reserved_and_adds_its_cost_once(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    await add_budget(database, "key", KEY, "total", "5")
    made = call("0.9")
    assert await granted(reserving, made)
    for _ in range(2):
        await books.record(made, "0.25")
    assert await books.balances() == {
        "key-00aa-total 1970-01-01": (Decimal("0.25"), 0),
        DAY: (Decimal("0.25"), 0),
    }
    assert await books.reserved() == 0
    assert await granted(reserving, call("0.75"))


async def test_a_call_that_failed_gives_all_back_and_one_whose_price_is_unknown_adds_nothing(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    failed, unpriced = call("0.5"), call("0.5")
    for made, cost in ((failed, "0"), (unpriced, None)):
        assert await granted(reserving, made)
        await books.record(made, cost, status="failed")
    assert await books.balances() == {DAY: (0, 0)}


async def test_an_estimate_that_is_replaced_is_corrected_by_the_difference(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "tenant", ACME, "day", "1")
    made = call("0.9")
    assert await granted(reserving, made)
    await books.record(made, "0.5", status=INTERRUPTED)
    assert await books.balances() == {DAY: (Decimal("0.5"), 0)}
    await books.record(made, "0.2")
    await books.record(made, "0.5", status=INTERRUPTED)
    assert await books.balances() == {DAY: (Decimal("0.2"), 0)}


async def test_what_was_not_reserved_counts_all_the_same(books: Books, database: Database, reserving: Reservations):
    await add_budget(database, "organisation", MILLS, "day", "1")
    await books.record(call(tenant=OTHER, key_id=None), "0.7")
    assert not await granted(reserving, call("0.4"))


async def test_a_key_that_is_not_the_tenants_spends_nothing_of_that_keys_budget(books: Books, database: Database):
    await add_budget(database, "key", KEY, "day", "1")
    await books.record(call(tenant=OTHER), "0.7")
    await books.record(call(), "0.1")
    assert await books.balances() == {"key-00aa-day 2026-11-23": (Decimal("0.1"), 0)}


async def test_a_budget_counts_what_its_period_held_before_it_was_made(
    books: Books, database: Database, reserving: Reservations
):
    await add_budget(database, "organisation", MILLS, "month", "100")
    await books.record(call(), "0.4")
    await books.record(call(tenant=OTHER, key_id=None), "0.2")
    open_ = call("0.3")
    assert await granted(reserving, open_)
    for kind, subject in (("tenant", ACME), ("key", KEY)):
        await add_budget(database, kind, subject, "month", "1")
    await add_budget(database, "organisation", MILLS, "day", "1")
    assert not await granted(reserving, call("0.35"))
    assert await granted(reserving, call("0.05"))
    await books.record(open_, "0.1")
    spent, reserved = Decimal("0.5"), Decimal("0.05")
    assert await books.balances() == {
        "key-00aa-month 2026-11-01": (spent, reserved),
        "organisation-mills-day 2026-11-23": (spent + Decimal("0.2"), reserved),
        "organisation-mills-month 2026-11-01": (spent + Decimal("0.2"), reserved),
        "tenant-acme-month 2026-11-01": (spent, reserved),
    }


async def test_a_row_that_comes_with_its_budget_counts_once(books: Books, database: Database):
    """The balance is made in the row's own transaction, of a ledger that holds the row already."""
    await add_budget(database, "tenant", ACME, "day", "1")
    await books.record(call(), "0.4")
    await books.record(call(), "0.1")
    assert await books.balances() == {DAY: (Decimal("0.5"), 0)}


async def test_nothing_is_lost_while_budgets_are_made_and_all_at_once_is_reserved_and_settled(
    books: Books, database: Database
):
    """Every balance equals what the ledger and the open reservations say, however they came about."""

    async def spend(reservations: Reservations, number: int) -> None:
        made = call("0.01", tenant=(ACME, OTHER)[number % 2], key_id=None)
        assert await granted(reservations, made)
        if number % 3:
            await books.record(made, "0.004")

    async def budgets() -> None:
        for kind, subject in (("tenant", ACME), ("organisation", MILLS), ("tenant", OTHER)):
            await add_budget(database, kind, subject, "day", "10")
            await asyncio.sleep(0.01)

    async with reserving_from(database) as one, reserving_from(database) as two:
        await asyncio.gather(budgets(), *(spend((one, two)[number % 2], number) for number in range(60)))
        assert await granted(one, call("0.01", key_id=None))
        assert await granted(two, call("0.01", tenant=OTHER, key_id=None))
    spent, reserved = 20 * Decimal("0.004"), 11 * Decimal("0.01")
    assert await books.balances() == {
        "organisation-mills-day 2026-11-23": (2 * spent, 2 * reserved),
        DAY: (spent, reserved),
        "tenant-other-day 2026-11-23": (spent, reserved),
    }


async def test_shares_that_are_crossed_are_told_of_once_a_period(books: Books, database: Database):
    await add_budget(database, "tenant", ACME, "day", "1", shares="{0.5,0.8,1.0}")
    assert [await books.record(call(), cost) for cost in ("0.4", "0.3", "0.05", "0.5", "0.5")] == [
        False,
        True,
        False,
        True,
        False,
    ]
    alerts = await database.rows("SELECT event, share, spent_usd FROM budget_alerts ORDER BY id, share")
    assert [(row["event"], row["share"], row["spent_usd"]) for row in alerts] == [
        ("crossed", Decimal("0.5"), Decimal("0.7")),
        ("crossed", Decimal("0.8"), Decimal("1.25")),
        ("crossed", Decimal("1"), Decimal("1.25")),
    ]


async def test_a_hard_stop_is_told_of_once_a_period_and_again_for_another_amount(
    books: Books, database: Database, reserving: Reservations
):
    budget = await add_budget(database, "tenant", ACME, "day", "1")
    for _ in range(2):
        assert not await granted(reserving, call("2"))
    await database.execute(f"UPDATE budgets SET amount_usd = 1.5 WHERE id = '{budget}'")
    assert not await granted(reserving, call("2"))
    alerts = await database.rows("SELECT event, amount_usd FROM budget_alerts ORDER BY id")
    assert [(row["event"], row["amount_usd"]) for row in alerts] == [("refused", 1), ("refused", Decimal("1.5"))]
    assert NOON.date().isoformat() in next(iter(await books.balances()))


async def test_a_key_that_took_anothers_place_spends_of_the_same_budget(
    books: Books, database: Database, reserving: Reservations
):
    await database.execute(
        "INSERT INTO api_keys (id, tenant_id, secret_sha256, name, scopes, replaces) "
        f"VALUES ('00bb', '{ACME}', '', 'k', '{{}}', '{KEY}'), ('00cc', '{ACME}', '', 'k', '{{}}', '00bb')"
    )
    await books.record(call(key_id="00cc"), "0.3")
    await add_budget(database, "key", KEY, "day", "1")
    await books.record(call(key_id="00bb"), "0.2")
    assert not await granted(reserving, call("0.6", key_id="00cc"))
    assert await granted(reserving, call("0.5", key_id="00cc"))
    assert await books.balances() == {"key-00aa-day 2026-11-23": (Decimal("0.5"), Decimal("0.5"))}
