"""Limits as administrators set and delete them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.access.audit import audited
from infra.access.names import LONGEST_NAME
from infra.access.policy import ANY_MODEL, LimitKind
from infra.access.transaction import access_transaction, not_found, refused
from infra.database.tables import ApiKey, LimitRow, Tenant
from infra.index.paging import Keys, Paging, read_page

LARGEST = 10**12
_KIND = "limit"
_KEYS = Keys(LimitRow.created_at, LimitRow.id)
_SUBJECTS: Mapping[str, Any] = {"tenant": Tenant.id, "key": ApiKey.id}


@dataclass(frozen=True, slots=True)
class SetLimit:
    """One that is set; None is no limit. `model` is `*` where it counts for all models together."""

    id: str
    kind: str
    subject_id: str
    model: str
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrent_requests: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Most:
    """How much may pass: at least one of these."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None

    def columns(self) -> dict[str, int | None]:
        """By the names of the table's columns."""
        return {
            "requests_per_minute": self.requests_per_minute,
            "tokens_per_minute": self.tokens_per_minute,
            "concurrent_requests": self.concurrent_requests,
        }


class Limits:
    """Each change is in the audit log, by its `actor`; who made it announces it (`infra.access.changes`).

    Every method raises `PenstockError`: `not_found`, `invalid_request`, or `pipeline_unavailable` where the database
    can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def set(self, actor: str, kind: LimitKind, subject_id: str, most: Most, model: str = ANY_MODEL) -> SetLimit:
        """What passes of a key, a tenant, or a model: instead of what was set for it before.

        The limit of a key or tenant may be for one `model`, as its callers name it.
        """
        values = _checked(kind, subject_id, most, model)
        subject = {"kind": kind, "subject_id": subject_id, "model": model}
        async with access_transaction(self._engine) as connection:
            await _require_subject(connection, kind, subject_id)
            before = await _row(connection, **subject)
            statement = insert(LimitRow).values(**subject, **values)
            statement = statement.on_conflict_do_update(index_elements=list(subject), set_=values)
            after = (await connection.execute(statement.returning(LimitRow.__table__))).mappings().one()
            if before is None or any(before[name] != value for name, value in values.items()):
                action = "created" if before is None else "updated"
                await audited(connection, actor, action, _KIND, after["id"], before, after)
        return SetLimit(**after)

    async def find(self, limit_id: str) -> SetLimit:
        """The one of that id."""
        async with access_transaction(self._engine) as connection:
            return SetLimit(**await _existing(connection, limit_id))

    async def list(
        self, paging: Paging, *, kind: str | None = None, subject_id: str | None = None
    ) -> tuple[list[SetLimit], bool]:
        """A page of them, or of those of some subjects, and whether there are more."""
        query = select(LimitRow.__table__)
        if kind is not None:
            query = query.where(LimitRow.kind == kind)
        if subject_id is not None:
            query = query.where(LimitRow.subject_id == subject_id)
        async with access_transaction(self._engine) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
        return [SetLimit(**row._mapping) for row in rows], more

    async def delete(self, actor: str, limit_id: str) -> None:
        """Nothing counts against it any more."""
        async with access_transaction(self._engine) as connection:
            before = await _existing(connection, limit_id)
            await connection.execute(delete(LimitRow).where(LimitRow.id == limit_id))
            await audited(connection, actor, "deleted", _KIND, limit_id, before, None)


async def _row(connection: AsyncConnection, **columns: str) -> Mapping[str, Any] | None:
    query = select(LimitRow.__table__).filter_by(**columns).with_for_update()
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else dict(row)


async def _existing(connection: AsyncConnection, limit_id: str) -> Mapping[str, Any]:
    row = await _row(connection, id=limit_id)
    if row is None:
        raise not_found(f"the {_KIND} {limit_id!r}")
    return row


async def _require_subject(connection: AsyncConnection, kind: str, subject_id: str) -> None:
    """A model's name may be an alias, or one of a catalogue to come."""
    column = _SUBJECTS.get(kind)
    if column is not None and (await connection.execute(select(1).where(column == subject_id))).scalar() is None:
        raise not_found(f"the {kind} {subject_id!r}")


def _checked(kind: str, subject_id: str, most: Most, model: str) -> dict[str, int | None]:
    if kind not in get_args(LimitKind):
        raise refused(f"kind is one of {', '.join(get_args(LimitKind))}", "kind")
    if kind == "model" and model != ANY_MODEL:
        raise refused("model: the limit of a model is for that model", "model")
    for name, text in (("subject_id", subject_id), ("model", model)):
        if not 0 < len(text) <= LONGEST_NAME:
            raise refused(f"{name} has 1 to {LONGEST_NAME} characters", name)
    values = most.columns()
    if all(value is None for value in values.values()):
        raise refused(f"one of {', '.join(values)} has to be set", "requests_per_minute")
    for name, value in values.items():
        if value is not None and not 0 < value <= LARGEST:
            raise refused(f"{name} is a whole number from 1 to {LARGEST}", name)
    return values
