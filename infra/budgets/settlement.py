"""What calls did cost is taken out of their budgets, and what was reserved for them given back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.database.batches import written_to

_SETTLE = text("""
SELECT settle_budgets(CAST(:organisations AS text[]), CAST(:tenants AS text[]), CAST(:keys AS text[]),
    CAST(:requests AS text[]), CAST(:attempts AS bigint[]), CAST(:starts AS timestamptz[]), CAST(:costs AS numeric[]))
""")
_EXPIRE = text("SELECT expire_budget_reservations(CAST(:before AS timestamptz), :most)")
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Spent:
    """A call's row in the ledger, new or changed. `cost` is the difference to what it said before, in dollars."""

    organisation: str
    tenant: str
    key_id: str | None
    request_id: str
    attempt: int
    started_at: datetime
    cost: Decimal


async def settle(connection: AsyncConnection, spent: Sequence[Spent]) -> bool:
    """Give back what was reserved for these calls and add what they cost, to every budget that they count against,
    whether or not there was a reservation. Whether alerts are due by it.

    It belongs at the end of the transaction that writes the rows, and takes each change of a row once. Budgets that it
    changed stay locked until that ends.
    """
    if not spent:
        return False
    columns = {
        "organisations": [one.organisation for one in spent],
        "tenants": [one.tenant for one in spent],
        "keys": [one.key_id for one in spent],
        "requests": [one.request_id for one in spent],
        "attempts": [one.attempt for one in spent],
        "starts": [one.started_at for one in spent],
        "costs": [one.cost for one in spent],
    }
    return bool((await connection.execute(_SETTLE, columns)).scalar_one())


async def expire(engine: AsyncEngine, before: datetime, stage: str) -> int:
    """Give back what was reserved until `before` and is not settled; how many reservations that were.

    Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached.
    """
    expired = 0
    while True:
        async with written_to(engine, stage) as connection:
            found: int = (await connection.execute(_EXPIRE, {"before": before, "most": _AT_ONCE})).scalar_one()
        expired += found
        if found < _AT_ONCE:
            return expired
