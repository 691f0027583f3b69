"""Budgets, what is reserved of them and spent, without a broker."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.budgets.reservation import Reservation, Reservations
from infra.telemetry.metrics import BudgetMetrics
from tests.support.database import Database
from tests.support.usage import arrived, ledger_on, used
from workers.ledger.settling import Settlement

NOON = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
MILLS, ACME, OTHER, KEY = "mills", "acme", "other", "00aa"
_numbers = itertools.count(1)


async def found_organisation(database: Database) -> None:
    """The organisation `MILLS` of the tenants `ACME`, which has the key `KEY`, and `OTHER`."""
    await database.execute(
        f"INSERT INTO organisations (id) VALUES ('{MILLS}')",
        f"INSERT INTO tenants (id, organisation_id) VALUES ('{ACME}', '{MILLS}'), ('{OTHER}', '{MILLS}')",
        "INSERT INTO api_keys (id, tenant_id, secret_sha256, name, scopes) "
        f"VALUES ('{KEY}', '{ACME}', '', 'k', '{{inference}}')",
    )


async def add_budget(
    database: Database, kind: str, subject: str, period: str, amount: str, *, shares: str = "{0.8,1.0}", url: str = ""
) -> str:
    """A budget, as an administrator makes it. Its id."""
    budget_id = f"{kind}-{subject}-{period}"
    await database.execute(
        "INSERT INTO budgets (id, kind, subject_id, period, amount_usd, alert_shares, webhook_url) "
        f"VALUES ('{budget_id}', '{kind}', '{subject}', '{period}', {amount}, '{shares}', nullif('{url}', ''))"
    )
    return budget_id


def call(amount: str = "1", **fields: Any) -> Reservation:
    """What a call of `ACME`'s key that begins at `NOON` can cost: of a request that no other has."""
    usual: dict[str, Any] = {
        "organisation": MILLS,
        "tenant": ACME,
        "key_id": KEY,
        "request_id": f"reserved-{next(_numbers)}",
        "attempt": 1,
        "amount": Decimal(amount),
        "started_at": NOON,
    }
    found = usual | fields
    return Reservation(**{"expires_at": found["started_at"] + timedelta(minutes=3), **found})


@asynccontextmanager
async def reserving(database: Database, now: datetime = NOON) -> AsyncIterator[Reservations]:
    """What a process reserves by."""
    reservations = Reservations(database.url, "test", lambda: now)
    try:
        yield reservations
    finally:
        await reservations.close()


async def granted(reservations: Reservations, reservation: Reservation) -> bool:
    """Whether the budgets had so much left."""
    try:
        await reservations.reserve(reservation)
    except PenstockError as error:
        assert error.code is ErrorCode.INSUFFICIENT_QUOTA
        return False
    return True


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger of a test's budgets, and what they say."""

    engine: AsyncEngine
    database: Database

    async def record(self, reservation: Reservation, cost: str | None, **fields: Any) -> bool:
        """The ledger takes the row of a call. Whether alerts may be due by it."""
        due = asyncio.Event()
        row = used(
            request_id=reservation.request_id,
            attempt=reservation.attempt,
            tenant=reservation.tenant,
            key_id=reservation.key_id,
            started_at=reservation.started_at,
            cost_usd=None if cost is None else Decimal(cost),
            **fields,
        )
        await ledger_on(self.engine, Settlement(due, BudgetMetrics(CollectorRegistry())).settle).write([arrived(row)])
        return due.is_set()

    async def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Of each budget, in the order of its periods: what is spent and what is reserved."""
        rows = await self.database.rows("SELECT * FROM budget_balances ORDER BY budget_id, period_start")
        return {f"{row['budget_id']} {row['period_start']:%Y-%m-%d}": (row["spent"], row["reserved"]) for row in rows}

    async def reserved(self) -> int:
        """How many reservations there are."""
        return len(await self.database.rows("SELECT FROM budget_reservations"))
