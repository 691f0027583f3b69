"""Budgets as administrators make, change and delete them, and what the audit log says of it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.access.audit import AuditLog
from infra.budgets.repository import Budgets
from infra.index.paging import Paging
from tests.support.budgets import ACME, KEY, MILLS, Books, call, found_organisation, granted, reserving
from tests.support.database import Database

BY = "cli:ada"
URL = "https://ada:pass@hooks.example/budgets?token=secret"


@pytest.fixture
async def budgets(engine: AsyncEngine, database: Database) -> Budgets:
    await found_organisation(database)
    return Budgets(engine)


async def refusal(attempt: Any) -> tuple[ErrorCode, str | None]:
    with pytest.raises(PenstockError) as raised:
        await attempt
    return raised.value.code, raised.value.param


async def test_a_budget_is_made_with_what_its_period_holds_changed_and_deleted(
    budgets: Budgets, engine: AsyncEngine, database: Database
):
    now = datetime.now(UTC)
    await Books(engine, database).record(call(started_at=now), "0.75")
    made = await budgets.create(BY, "tenant", ACME, "month", Decimal("1"), webhook_url=URL)
    assert (made.spent_usd, made.reserved_usd, made.alert_shares) == (Decimal("0.75"), 0, (Decimal("0.8"), 1))
    assert made.period_start is not None
    assert made.period_end is not None
    assert made.period_start <= now < made.period_end
    async with reserving(database) as reservations:
        assert not await granted(reservations, call("0.5", started_at=now))
        changed = await budgets.update(BY, made.id, amount_usd=Decimal("2"), webhook_url=None)
        assert (changed.amount_usd, changed.webhook_url) == (2, None)
        assert await granted(reservations, call("0.5", started_at=now))
        assert (await budgets.find(made.id)).reserved_usd == Decimal("0.5")
        await budgets.delete(BY, made.id)
        assert await granted(reservations, call("5", started_at=now))
    assert await refusal(budgets.find(made.id)) == (ErrorCode.NOT_FOUND, None)
    changes, _ = await AuditLog(engine).list(10, kind="budget", subject_id=made.id)
    assert [(each.action, each.actor) for each in changes] == [("deleted", BY), ("updated", BY), ("created", BY)]
    assert changes[2].before is None
    assert changes[2].after is not None
    assert changes[2].after["webhook_url"] == "https://hooks.example/budgets"
    assert "secret" not in str(changes)


async def test_there_is_one_of_a_subject_and_period_and_they_are_listed_by_subject(budgets: Budgets):
    made = [
        await budgets.create(BY, "organisation", MILLS, "total", Decimal(100)),
        await budgets.create(BY, "key", KEY, "day", Decimal("0.5"), [Decimal("0.5")]),
        await budgets.create(BY, "key", KEY, "month", Decimal(5), []),
    ]
    assert (made[0].period_start, made[0].period_end) == (None, None)
    assert await refusal(budgets.create(BY, "key", KEY, "day", Decimal(1))) == (ErrorCode.INVALID_REQUEST, "period")
    found, more = await budgets.list(Paging(10, "asc"), kind="key", subject_id=KEY)
    assert ([each.id for each in found], more) == ([each.id for each in made[1:]], False)
    found, more = await budgets.list(Paging(1))
    assert ([each.id for each in found], more) == ([made[2].id], True)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("amount_usd", Decimal(0)),
        ("amount_usd", Decimal("0.00000000001")),
        ("amount_usd", Decimal("NaN")),
        ("amount_usd", Decimal("1e12")),
        ("alert_shares", [Decimal("1.01")]),
        ("alert_shares", [Decimal(0)]),
        ("alert_shares", [Decimal(number) / 100 for number in range(1, 12)]),
        ("webhook_url", "ftp://hooks.example"),
        ("webhook_url", "https://"),
        ("webhook_url", "https://hooks.example/\n"),
        ("webhook_url", "https://hooks.example:99999/"),
    ],
)
async def test_what_no_budget_can_be_is_refused_by_its_name(budgets: Budgets, field: str, wrong: Any):
    made = await budgets.create(BY, "tenant", ACME, "day", Decimal(1))
    assert await refusal(budgets.update(BY, made.id, **{field: wrong})) == (ErrorCode.INVALID_REQUEST, field)
    values = {"amount_usd": Decimal(1), field: wrong}
    assert await refusal(budgets.create(BY, "tenant", ACME, "month", **values)) == (ErrorCode.INVALID_REQUEST, field)


async def test_a_subject_that_is_not_there_has_none(budgets: Budgets):
    for kind in ("organisation", "tenant", "key"):
        attempt = budgets.create(BY, kind, "nobody", "day", Decimal(1))  # type: ignore[arg-type]
        assert await refusal(attempt) == (ErrorCode.NOT_FOUND, None)
    attempt = budgets.create(BY, "team", ACME, "day", Decimal(1))  # type: ignore[arg-type]
    assert await refusal(attempt) == (ErrorCode.INVALID_REQUEST, "kind")
    assert await refusal(budgets.update(BY, "nobody", amount_usd=Decimal(1))) == (ErrorCode.NOT_FOUND, None)
    assert await refusal(budgets.delete(BY, "nobody")) == (ErrorCode.NOT_FOUND, None)
