"""Money that is set aside: which calls it is for, and when there is plenty left beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from infra.budgets.advance import LOT, Advance, is_plenty
from infra.budgets.reservation import is_advance
from tests.support.budgets import NOON, call


async def advance_of(left: str, **fields: object) -> Advance:
    """What is set aside for who has made a call that began at `NOON` and can last three minutes."""
    advance = Advance(call("0.01", **fields))
    advance.left = Decimal(left)
    return advance


async def test_it_is_a_reservation_of_the_same_payer_and_of_no_request_of_a_callers():
    first = call("0.01")
    advance = Advance(first).reservation
    assert is_advance(advance)
    assert not is_advance(first)
    assert (advance.organisation, advance.tenant, advance.key_id) == (first.organisation, first.tenant, first.key_id)
    assert advance.request_id != Advance(first).reservation.request_id


@pytest.mark.parametrize(("amount", "covered"), [("0.02", True), ("0.0200000001", False)])
async def test_a_call_is_covered_that_costs_no_more_than_is_left(amount: str, covered: bool):
    assert (await advance_of("0.02")).covers(call(amount)) is covered


async def test_nothing_is_covered_once_it_is_over():
    advance = await advance_of("1")
    advance.end()
    assert not advance.covers(call("0.01"))


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        (datetime(2026, 11, 23, 23, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2026, 11, 24, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 1, 30, tzinfo=timezone(timedelta(hours=2))), True),
        (datetime(2026, 11, 23, 23, 30, tzinfo=timezone(timedelta(hours=-2))), False),
    ],
)
async def test_a_day_of_utc_is_paid_of_its_own(at: datetime, covered: bool):
    late = datetime(2026, 11, 23, 23, 58, tzinfo=UTC)
    advance = await advance_of("1", started_at=late)
    assert advance.covers(call("0.01", started_at=at)) is covered


async def test_what_expires_soon_covers_nothing_as_a_call_has_to_be_booked_before():
    advance = await advance_of("1")
    advance.reservation = replace(advance.reservation, expires_at=NOON + timedelta(minutes=1))
    assert advance.covers(call("0.01", started_at=NOON + timedelta(seconds=45)))
    assert not advance.covers(call("0.01", started_at=NOON + timedelta(seconds=55)))


async def test_it_is_needed_for_as_long_as_a_call_that_is_not_booked():
    advance = await advance_of("1")
    assert advance.needed_until == advance.reservation.expires_at
    advance.calls.append(call("0.01", expires_at=NOON + timedelta(hours=1)))
    assert advance.needed_until == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("amount", "left", "plenty"),
    [
        ("1", "0.72", True),  # 64 calls beside the 8
        ("1", "0.7199", False),
        ("100", "10.08", True),  # a tenth beside them
        ("100", "10.07", False),
    ],
)
def test_plenty_is_many_calls_and_a_share_of_the_budget(amount: str, left: str, plenty: bool):
    size = Decimal("0.01")
    assert is_plenty([(Decimal(amount), Decimal(left))], size, LOT * size) is plenty


def test_there_is_plenty_only_where_every_budget_has_it():
    size, much, little = Decimal("0.01"), (Decimal(100), Decimal(50)), (Decimal(1), Decimal("0.1"))
    assert is_plenty([much, much], size, LOT * size)
    assert not is_plenty([much, little], size, LOT * size)
