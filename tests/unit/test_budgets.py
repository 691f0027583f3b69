"""What the ledger's changes mean for budgets, and what is told of one that is too small."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from contracts.errors import ErrorCode
from infra.budgets.reservation import Refusal, refused
from workers.ledger.courier import pause_after
from workers.ledger.settling import spent_by
from workers.ledger.writer import Change, Entry

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def entry(cost: str | None, organisation: str = "mills") -> Entry:
    return Entry(
        tenant_id="acme",
        request_id="r",
        attempt=1,
        started_at=NOW,
        organisation_id=organisation,
        key_id="00aa",
        model="small",
        status="completed",
        estimated=False,
        cost_usd=None if cost is None else Decimal(cost),
    )


@pytest.mark.parametrize(
    ("change", "costs"),
    [
        (Change(None, entry("0.5")), [("mills", "0.5")]),
        (Change(None, entry(None)), [("mills", "0")]),
        (Change(entry("0.7"), entry("0.5")), [("mills", "0.5"), ("mills", "-0.7")]),
        (Change(entry(None), entry("0.5")), [("mills", "0.5"), ("mills", "0")]),
        (Change(entry("0.7", "old"), entry("0.5")), [("mills", "0.5"), ("old", "-0.7")]),
    ],
)
def test_a_change_adds_its_cost_and_takes_back_the_estimates(change: Change, costs: list[tuple[str, str]]):
    assert [(one.organisation, one.cost) for one in spent_by([change])] == [
        (whose, Decimal(cost)) for whose, cost in costs
    ]


def test_a_refusal_tells_when_there_is_more_where_there_will_be():
    day = Refusal("key", "00aa", "day", Decimal("0.5000"), datetime(2026, 11, 24, tzinfo=UTC))
    error = refused(day, "provider", NOW)
    assert error.message == (
        "the budget of this key, 0.5 dollars a day, has too little left for this request; "
        "the next period begins at 2026-11-24T00:00:00Z"
    )
    assert (error.code, error.retryable, error.retry_after) == (ErrorCode.INSUFFICIENT_QUOTA, False, 41400)
    total = refused(Refusal("tenant", "acme", "total", Decimal(100), None), "provider", NOW)
    assert total.message == "the budget of this tenant, 100 dollars in total, has too little left for this request"
    assert total.retry_after is None


def test_a_webhook_is_tried_again_ever_later():
    minutes = [pause_after(tries) / timedelta(minutes=1) for tries in (1, 2, 3, 6, 7, 24)]
    assert minutes == [1, 2, 4, 32, 60, 60]
