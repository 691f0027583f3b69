"""The audit log: every administrative change, by whom, and how its subject was before and after."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.envelope import rfc3339
from infra.access.transaction import access_transaction, refused
from infra.database.tables import AuditEntry

_SECRETS = frozenset({"secret_sha256", "webhook_secret"})
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Change:
    """One entry. `actor` is `key:<public id>` or `cli:<user>`; `before` is None of what was made, `after` of what is
    gone.
    """

    id: int
    at: datetime
    actor: str
    action: str
    kind: str
    subject_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


async def audited(  # noqa: PLR0913, PLR0917 - a change is its fields
    connection: AsyncConnection,
    actor: str,
    action: str,
    kind: str,
    subject_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Write a change down in the transaction that makes it: one is not without the other.

    `action` is in the past tense (created, updated, revoked), `kind` what was changed (organisation, tenant, key).
    `before` and `after` may hold times, decimals and sets; what is secret in them is left out.
    """
    row = {"actor": actor, "action": action, "kind": kind, "subject_id": subject_id}
    await connection.execute(insert(AuditEntry).values(**row, before=_plain(before), after=_plain(after)))


class AuditLog:
    """What was changed, to be read."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list(
        self, limit: int, *, after: str | None = None, kind: str | None = None, subject_id: str | None = None
    ) -> tuple[list[Change], bool]:
        """The newest first, `limit` of those behind the entry `after`, and whether there are more.

        Raises `PenstockError` (`invalid_request`) for a cursor that is none.
        """
        query = select(AuditEntry.__table__).order_by(AuditEntry.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(AuditEntry.id < _id_of(after))
        if kind is not None:
            query = query.where(AuditEntry.kind == kind)
        if subject_id is not None:
            query = query.where(AuditEntry.subject_id == subject_id)
        async with access_transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [_change(row) for row in rows[:limit]], len(rows) > limit


def _id_of(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 20 and int(cursor) <= _LARGEST_ID):
        raise refused("`after` names no entry of this list", "after")
    return int(cursor)


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: _json(value) for name, value in values.items() if name not in _SECRETS}


def _json(value: Any) -> Any:  # noqa: ANN401 - a column's value
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, set | frozenset | tuple | list):
        plain = [_json(each) for each in value]
        return sorted(plain) if isinstance(value, set | frozenset) else plain
    return value


def _change(row: Row[*tuple[Any, ...]]) -> Change:
    return Change(**row._mapping)
