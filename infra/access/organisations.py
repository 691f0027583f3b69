"""Organisations: who pays for tenants."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.subjects import require_token
from infra.access.rows import Values, add_row, amend_row, read_row
from infra.access.transaction import STAGE, access_transaction
from infra.database.tables import Organisation as Row
from infra.index.paging import Keys, Paging, read_page

_KEYS = Keys(Row.created_at, Row.id)


@dataclass(frozen=True, slots=True)
class Organisation:
    """One of them. Nothing of one that is disabled is let in."""

    id: str
    name: str
    created_at: datetime
    disabled_at: datetime | None


class Organisations:
    """Each change is in the audit log, by its `actor`; who made it announces it (`infra.access.changes`).

    Every method raises `PenstockError`: `not_found`, `invalid_request`, or `pipeline_unavailable` where the database
    can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, actor: str, organisation_id: str, name: str = "") -> Organisation:
        """A new one."""
        require_token(organisation_id, "id", stage=STAGE)
        async with access_transaction(self._engine) as connection:
            return _organisation(await add_row(connection, actor, Row, {"id": organisation_id, "name": name}))

    async def find(self, organisation_id: str) -> Organisation:
        """The one of that id."""
        async with access_transaction(self._engine) as connection:
            return _organisation(await read_row(connection, Row, organisation_id))

    async def list(self, paging: Paging) -> tuple[list[Organisation], bool]:
        """A page of them, and whether there are more."""
        async with access_transaction(self._engine) as connection:
            rows, more = await read_page(connection, select(Row.__table__), _KEYS, paging)
        return [_organisation(row._mapping) for row in rows], more

    async def rename(self, actor: str, organisation_id: str, name: str) -> Organisation:
        """Its name, for people."""
        return await self._amend(actor, "updated", organisation_id, name=name)

    async def disable(self, actor: str, organisation_id: str) -> Organisation:
        """None of its tenants is let in any more, until it is enabled again."""
        if (found := await self.find(organisation_id)).disabled_at is not None:
            return found
        return await self._amend(actor, "disabled", organisation_id, disabled_at=datetime.now(UTC))

    async def enable(self, actor: str, organisation_id: str) -> Organisation:
        """Its tenants are let in again."""
        return await self._amend(actor, "enabled", organisation_id, disabled_at=None)

    async def _amend(self, actor: str, action: str, organisation_id: str, **values: Any) -> Organisation:  # noqa: ANN401
        async with access_transaction(self._engine) as connection:
            return _organisation(await amend_row(connection, actor, action, Row, organisation_id, values))


def _organisation(row: Values | Any) -> Organisation:  # noqa: ANN401 - a row's mapping
    return Organisation(**row)
