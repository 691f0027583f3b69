"""Alerts of budgets: they are made with what they tell of, and due until somebody has delivered them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import written_to

_STAGE = "ledger"
_LEASE = timedelta(seconds=60)
"""After these, another process may deliver what one has taken and not finished."""
_CLAIM = text("""
UPDATE budget_alerts a SET tries = tries + 1, next_try_at = CAST(:now AS timestamptz) + :lease
FROM budgets b WHERE b.id = a.budget_id AND a.id IN (
    SELECT id FROM budget_alerts WHERE next_try_at <= :now ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING a.id, a.event, a.share, a.amount_usd, a.spent_usd, a.at, a.tries, a.period_start, b.id AS budget_id, b.kind,
    b.subject_id AS subject, b.period, budget_period_end(b.period, a.period_start) AS period_end, b.webhook_url
""")
_DELIVERED = text("UPDATE budget_alerts SET delivered_at = :now, next_try_at = NULL WHERE id = :id")
_LATER = text("UPDATE budget_alerts SET next_try_at = :at WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Alert:
    """A share of a budget was spent (`crossed`), or a call refused that it had too little left for (`refused`).

    Dollars are those of the moment `at` which it happened. `tries` counts the deliveries that were begun, this one too.
    `period_end` is None for a budget in total.
    """

    id: int
    event: str
    share: Decimal
    amount_usd: Decimal
    spent_usd: Decimal
    at: datetime
    tries: int
    budget_id: str
    kind: str
    subject: str
    period: str
    period_start: datetime
    period_end: datetime | None
    webhook_url: str | None

    def told(self) -> dict[str, Any]:
        """What a webhook or a log is told: see docs/budgets.md. Dollars are strings, as a float has no exact cents."""
        return {
            "id": f"budget-alert-{self.id}",
            "type": f"budget.{self.event}",
            "budget_id": self.budget_id,
            "kind": self.kind,
            "subject": self.subject,
            "period": self.period,
            "period_start": None if self.period == "total" else _rfc3339(self.period_start),
            "period_end": None if self.period_end is None else _rfc3339(self.period_end),
            "share": f"{self.share.normalize():f}",
            "amount_usd": f"{self.amount_usd.normalize():f}",
            "spent_usd": f"{self.spent_usd.normalize():f}",
            "at": _rfc3339(self.at),
        }


async def claim(engine: AsyncEngine, now: datetime, most: int = 20) -> Sequence[Alert]:
    """Take alerts that are due, so that no other process delivers them meanwhile.

    Raises `PenstockError` (`pipeline_unavailable`, retryable), as the others here do.
    """
    async with written_to(engine, _STAGE) as connection:
        found = await connection.execute(_CLAIM, {"now": now, "lease": _LEASE, "most": most})
        return sorted((Alert(**row) for row in found.mappings()), key=lambda alert: alert.id)


async def delivered(engine: AsyncEngine, alert: Alert, now: datetime) -> None:
    """It has arrived, and is not due any more."""
    async with written_to(engine, _STAGE) as connection:
        await connection.execute(_DELIVERED, {"id": alert.id, "now": now})


async def put_off(engine: AsyncEngine, alert: Alert, until: datetime | None) -> None:
    """It has not arrived, and is due again at `until`; never where that is None."""
    async with written_to(engine, _STAGE) as connection:
        await connection.execute(_LATER, {"id": alert.id, "at": until})


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
