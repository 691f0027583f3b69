"""The audit of the ledger under faults: agreeing books have no finding, and each kind of wrong one has its own."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from benchmarks.ledger_faults.audit import audit, summed
from benchmarks.ledger_faults.books import Balance, Books, Call, Row
from benchmarks.ledger_faults.plan import PROMPT_CHARACTERS, catalogue, requests
from infra.catalog import parse_catalog

DAY = datetime(2026, 11, 23, tzinfo=UTC)
WHOLE = Row(
    tenant="acme",
    organisation="mills",
    key_id="k1",
    model="small",
    deployment="east/small",
    status="completed",
    error_code=None,
    key="acme.r1.1",
    day=DAY,
    input_tokens=11,
    cached=1,
    output_tokens=24,
    reasoning=8,
    estimated=False,
    cost=Decimal("0.0000359771"),
    stream=False,
)
LEFT = replace(
    WHOLE, key="acme.r2.1", status="cancelled", estimated=True, input_tokens=16, cached=0, output_tokens=2, reasoning=0
)
LEFT = replace(LEFT, cost=Decimal("0.00000818"))
REFUSED = replace(
    WHOLE, key="acme.r3.1", status="failed", input_tokens=0, cached=0, output_tokens=0, reasoning=0, cost=Decimal(0)
)
ROWS = [WHOLE, LEFT, REFUSED]
CALLS = [
    Call("acme.r1.1", "completed", (11, 1, 24, 8)),
    Call("acme.r2.1", "cancelled", (11, 0, 24, 0)),
    Call("acme.r3.1", "failed", None),
]
SPENT = Decimal("0.0000441571")


def books(rows: list[Row] = ROWS, calls: list[Call] = CALLS, spent: Decimal = SPENT, **changed: object) -> Books:
    """Books whose sums are those of their rows."""
    balance = Balance("tenant", "acme", "month", Decimal(1), DAY.replace(day=1), spent, Decimal(0))
    sums = {"usage_daily": summed(rows)}
    return replace(Books(calls, rows, sums, [balance], (), 0), **changed)  # type: ignore[arg-type]


def finding(found: Books) -> str:
    (only,) = audit(found)
    return only


def test_books_that_agree_have_no_finding():
    assert audit(books()) == []


def test_a_missing_row_and_a_double_one_are_found():
    assert finding(books(ROWS[:2], spent=SPENT)) == "1 calls without a row: acme.r3.1"
    assert finding(books([*ROWS, REFUSED])) == "1 calls with more than one row: acme.r3.1"
    assert finding(books(calls=[*CALLS, CALLS[2]])) == "1 calls made twice under one key: acme.r3.1"


@pytest.mark.parametrize("status", ["completed", "cache"])
def test_a_row_of_a_call_that_nobody_made_is_found(status: str):
    found = audit(books([*ROWS, replace(REFUSED, key="acme.r4.1", status=status)]))
    assert any("rows that no call explains: acme.r4.1" in one for one in found)


@pytest.mark.parametrize(
    ("row", "cost"),
    [
        (replace(WHOLE, output_tokens=23), "0.0000348471"),
        (replace(LEFT, output_tokens=80), "0.00009632"),
        (replace(LEFT, input_tokens=12), "0.00000670"),
        (replace(LEFT, estimated=False), "0.00000818"),
    ],
    ids=["not what was reported", "more than there was", "an estimate of another prompt", "an estimate without mark"],
)
def test_tokens_that_the_provider_did_not_say_are_found(row: Row, cost: str):
    rows = [replace(row, cost=Decimal(cost)) if row.key == one.key else one for one in ROWS]
    assert "rows that say what the call did not" in finding(books(rows, spent=sum(one.cost or 0 for one in rows)))


def test_another_price_is_found_to_the_last_decimal():
    wrong = replace(WHOLE, cost=(WHOLE.cost or 0) + Decimal("0.0000000001"))
    assert "rows at another price" in finding(books([wrong, LEFT, REFUSED], spent=SPENT + Decimal("0.0000000001")))


def test_a_sum_a_budget_and_what_is_left_over_are_compared():
    assert "usage_daily that are not the rows'" in finding(books(sums={"usage_daily": summed(ROWS[:1])}))
    assert "has spent" in finding(books(spent=SPENT * 2))
    assert "count as open for ever: acme.r9" in finding(books(open_requests=("acme.r9",)))
    assert finding(books(dead_letters=2)) == "2 dead letters"


def test_a_budget_of_a_day_counts_that_day_alone():
    today = Balance("organisation", "mills", "day", Decimal(1), DAY, SPENT, Decimal(0))
    yesterday = replace(today, period_start=DAY.replace(day=22), spent=Decimal(0))
    assert audit(books(balances=[today, yesterday])) == []
    overshot = replace(today, amount=SPENT / 2)
    assert "is overshot" in finding(books(balances=[overshot]))


def test_the_plan_is_the_same_for_the_same_seed_and_its_catalogue_is_one():
    plan = list(requests(300, seed=1))
    assert plan == list(requests(300, seed=1)) != list(requests(300, seed=2))
    assert {len(one.prompt) for one in plan} == {PROMPT_CHARACTERS}
    catalog = parse_catalog(catalogue("http://127.0.0.1:9").encode(), "plan").catalog
    assert all(catalog.resolve(one.model) for one in plan)
