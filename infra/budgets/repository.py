"""Budgets as administrators make and change them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Select, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.access.audit import audited
from infra.access.transaction import access_transaction, not_found, refused
from infra.database.tables import ApiKey, BudgetBalance, BudgetRow, Organisation, Tenant
from infra.index.paging import Keys, Paging, read_page

Kind = Literal["organisation", "tenant", "key"]
Period = Literal["day", "month", "total"]
USUAL_SHARES = (Decimal("0.8"), Decimal(1))
MOST_SHARES = 10
_KIND = "budget"
_KEYS = Keys(BudgetRow.created_at, BudgetRow.id)
_SUBJECTS: Mapping[str, Any] = {"organisation": Organisation.id, "tenant": Tenant.id, "key": ApiKey.id}
_LARGEST = Decimal(10) ** 9
_MAKE_BALANCE = text(
    "SELECT lock_budget_balances(ARRAY[ROW(:organisation, :tenant, :key, CAST(:now AS timestamptz))::budget_scope])"
)


@dataclass(frozen=True, slots=True)
class Budget:
    """One of them, and how it stands in its present period. Money is in dollars.

    `period_start` and `period_end` are None of one in total. A reserved dollar is one that a call may cost which is not
    in the ledger yet; of `amount_usd`, what is neither spent nor reserved can still be.
    """

    id: str
    kind: str
    subject_id: str
    period: str
    amount_usd: Decimal
    alert_shares: tuple[Decimal, ...]
    webhook_url: str | None
    created_at: datetime
    spent_usd: Decimal
    reserved_usd: Decimal
    period_start: datetime | None
    period_end: datetime | None


class Budgets:
    """Each change is in the audit log, by its `actor`; who made it announces it (`infra.access.changes`).

    Every method raises `PenstockError`: `not_found`, `invalid_request`, or `pipeline_unavailable` where the database
    can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(  # noqa: PLR0913, PLR0917 - a budget is its fields
        self,
        actor: str,
        kind: Kind,
        subject_id: str,
        period: Period,
        amount_usd: Decimal,
        alert_shares: Sequence[Decimal] = USUAL_SHARES,
        webhook_url: str | None = None,
    ) -> Budget:
        """A new one, which counts what its period holds already; at most one of a subject and period."""
        _require(kind in get_args(Kind), "kind", f"is one of {', '.join(get_args(Kind))}")
        _require(period in get_args(Period), "period", f"is one of {', '.join(get_args(Period))}")
        values = {"amount_usd": amount_usd, "alert_shares": _shares(alert_shares), "webhook_url": _url(webhook_url)}
        _require_amount(amount_usd)
        subject = {"kind": kind, "subject_id": subject_id, "period": period}
        async with access_transaction(self._engine) as connection:
            if (await connection.execute(select(1).where(_SUBJECTS[kind] == subject_id))).scalar() is None:
                raise not_found(f"the {kind} {subject_id!r}")
            row = {"id": f"budget_{secrets.token_hex(8)}", **subject, **values}
            statement = insert(BudgetRow).values(**row).on_conflict_do_nothing()
            added = (await connection.execute(statement.returning(BudgetRow.__table__))).mappings().one_or_none()
            if added is None:
                raise refused(f"this {kind} has a budget by {period} already", "period")
            await audited(connection, actor, "created", _KIND, added["id"], None, _told(added))
            await connection.execute(_MAKE_BALANCE, _scope(kind, subject_id))
            return await _find(connection, added["id"])

    async def find(self, budget_id: str) -> Budget:
        """The one of that id."""
        async with access_transaction(self._engine) as connection:
            return await _find(connection, budget_id)

    async def list(
        self, paging: Paging, *, kind: str | None = None, subject_id: str | None = None
    ) -> tuple[list[Budget], bool]:
        """A page of them, or of those of some subjects, and whether there are more."""
        query = _standing()
        if kind is not None:
            query = query.where(BudgetRow.kind == kind)
        if subject_id is not None:
            query = query.where(BudgetRow.subject_id == subject_id)
        async with access_transaction(self._engine) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
        return [_budget(row._mapping) for row in rows], more

    async def update(self, actor: str, budget_id: str, **changed: Any) -> Budget:  # noqa: ANN401 - columns
        """Change `amount_usd`, `alert_shares` or `webhook_url` (None for none). What is spent and reserved stays."""
        if "amount_usd" in changed:
            _require_amount(changed["amount_usd"])
        if "alert_shares" in changed:
            changed["alert_shares"] = _shares(changed["alert_shares"])
        if "webhook_url" in changed:
            changed["webhook_url"] = _url(changed["webhook_url"])
        async with access_transaction(self._engine) as connection:
            before = await _row(connection, budget_id)
            if any(before[name] != value for name, value in changed.items()):
                statement = update(BudgetRow).where(BudgetRow.id == budget_id).values(**changed)
                after = (await connection.execute(statement.returning(BudgetRow.__table__))).mappings().one()
                await audited(connection, actor, "updated", _KIND, budget_id, _told(before), _told(after))
            return await _find(connection, budget_id)

    async def delete(self, actor: str, budget_id: str) -> None:
        """Nothing counts against it any more, and no alert of it is delivered."""
        async with access_transaction(self._engine) as connection:
            before = await _row(connection, budget_id)
            await connection.execute(delete(BudgetRow).where(BudgetRow.id == budget_id))
            await audited(connection, actor, "deleted", _KIND, budget_id, _told(before), None)


async def _row(connection: AsyncConnection, budget_id: str) -> Mapping[str, Any]:
    query = select(BudgetRow.__table__).where(BudgetRow.id == budget_id).with_for_update()
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise not_found(f"the {_KIND} {budget_id!r}")
    return dict(row)


async def _find(connection: AsyncConnection, budget_id: str) -> Budget:
    row = (await connection.execute(_standing().where(BudgetRow.id == budget_id))).mappings().one_or_none()
    if row is None:
        raise not_found(f"the {_KIND} {budget_id!r}")
    return _budget(row)


def _standing() -> Select[*tuple[Any, ...]]:
    start = func.budget_period_start(BudgetRow.period, func.now())
    now = (BudgetBalance.budget_id == BudgetRow.id) & (BudgetBalance.period_start == start)
    return select(
        *BudgetRow.__table__.columns,
        func.coalesce(BudgetBalance.spent, 0).label("spent_usd"),
        func.coalesce(BudgetBalance.reserved, 0).label("reserved_usd"),
        start.label("period_start"),
        func.budget_period_end(BudgetRow.period, start).label("period_end"),
    ).select_from(BudgetRow.__table__.outerjoin(BudgetBalance.__table__, now))


def _budget(row: Mapping[Any, Any]) -> Budget:
    found = dict(row) | {"alert_shares": tuple(row["alert_shares"])}
    return Budget(**(found | {"period_start": None} if found["period_end"] is None else found))


def _scope(kind: Kind, subject_id: str) -> dict[str, Any]:
    return {"organisation": None, "tenant": None, "key": None, "now": datetime.now(UTC), kind: subject_id}


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What the audit log is told. Of a webhook's URL not the part that may be a secret."""
    url = row["webhook_url"]
    return dict(row) | {"webhook_url": None if url is None else _public(url)}


def _public(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _require(holds: bool, param: str, what: str) -> None:
    if not holds:
        raise refused(f"{param} {what}", param)


def _require_amount(amount: Decimal) -> None:
    fits = amount.is_finite() and 0 < amount <= _LARGEST and amount == round(amount, 10)
    _require(fits, "amount_usd", "is more than 0, at most 1,000,000,000, and has at most ten decimals")


def _shares(shares: Sequence[Decimal]) -> list[Decimal]:
    fit = all(share.is_finite() and 0 < share <= 1 and share == round(share, 4) for share in shares)
    what = f"holds at most {MOST_SHARES} shares, each more than 0, at most 1, of at most four decimals"
    _require(fit and len(shares) <= MOST_SHARES, "alert_shares", what)
    return sorted(set(shares))


def _url(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    _require(fits and len(url) <= 2048 and url.isascii() and url.isprintable(), "webhook_url", "is an http(s) URL")
    return url
