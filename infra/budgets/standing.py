"""How budgets stand in their present periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import written_to

_STANDINGS = text("""
SELECT b.id AS budget_id, b.kind, b.subject_id AS subject, b.period, b.amount_usd AS amount,
    coalesce(x.spent, 0) AS spent, coalesce(x.reserved, 0) AS reserved
FROM budgets b LEFT JOIN budget_balances x
    ON x.budget_id = b.id AND x.period_start = budget_period_start(b.period, CAST(:now AS timestamptz))
ORDER BY b.id
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget in the period of a moment, in dollars."""

    budget_id: str
    kind: str
    subject: str
    period: str
    amount: Decimal
    spent: Decimal
    reserved: Decimal


async def standings(engine: AsyncEngine, now: datetime) -> Sequence[Standing]:
    """Of all budgets. Raises `PenstockError` (`pipeline_unavailable`) where the database can't be reached."""
    async with written_to(engine, "ledger") as connection:
        return [Standing(**row) for row in (await connection.execute(_STANDINGS, {"now": now})).mappings()]
