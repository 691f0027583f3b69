"""Tenants: teams, whose requests and whose money it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.subjects import require_token
from infra.access.names import require_models
from infra.access.policy import DEFAULT_ORGANISATION
from infra.access.rows import Values, add_row, amend_row, read_row
from infra.access.transaction import STAGE, access_transaction
from infra.database.tables import Organisation
from infra.database.tables import Tenant as Row
from infra.index.paging import Keys, Paging, read_page

_KEYS = Keys(Row.created_at, Row.id)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One of them. `models` are those that it may use, None for all; nothing of one that is disabled is let in."""

    id: str
    organisation: str
    name: str
    models: tuple[str, ...] | None
    created_at: datetime
    disabled_at: datetime | None


class Tenants:
    """Each change is in the audit log, by its `actor`; who made it announces it (`infra.access.changes`).

    Every method raises `PenstockError`: `not_found`, `invalid_request`, or `pipeline_unavailable` where the database
    can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(
        self,
        actor: str,
        tenant: str,
        organisation: str = DEFAULT_ORGANISATION,
        name: str = "",
        models: tuple[str, ...] | None = None,
    ) -> Tenant:
        """A new one, of an organisation that is there."""
        require_token(tenant, "id", stage=STAGE)
        row = {"id": tenant, "organisation_id": organisation, "name": name, "models": require_models(models)}
        async with access_transaction(self._engine) as connection:
            await read_row(connection, Organisation, organisation)
            return _tenant(await add_row(connection, actor, Row, row))

    async def find(self, tenant: str) -> Tenant:
        """The one of that id."""
        async with access_transaction(self._engine) as connection:
            return _tenant(await read_row(connection, Row, tenant))

    async def list(self, paging: Paging, organisation: str | None = None) -> tuple[list[Tenant], bool]:
        """A page of them, or of those of an organisation, and whether there are more."""
        query = select(Row.__table__)
        if organisation is not None:
            query = query.where(Row.organisation_id == organisation)
        async with access_transaction(self._engine) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
        return [_tenant(row._mapping) for row in rows], more

    async def update(self, actor: str, tenant: str, changes: Mapping[str, Any]) -> Tenant:
        """Change `name` or `models`; of the latter, None takes the bound away."""
        values = {name: require_models(value) if name == "models" else value for name, value in changes.items()}
        return await self._amend(actor, "updated", tenant, values)

    async def disable(self, actor: str, tenant: str) -> Tenant:
        """None of its keys and producers is let in any more, until it is enabled again."""
        if (found := await self.find(tenant)).disabled_at is not None:
            return found
        return await self._amend(actor, "disabled", tenant, {"disabled_at": datetime.now(UTC)})

    async def enable(self, actor: str, tenant: str) -> Tenant:
        """They are let in again."""
        return await self._amend(actor, "enabled", tenant, {"disabled_at": None})

    async def disabled(self, *, tenant: str | None = None, organisation: str | None = None) -> dict[str, bool]:
        """Of all tenants, or of one, or of an organisation's: whether it, or its organisation, is disabled."""
        either = or_(Row.disabled_at.is_not(None), Organisation.disabled_at.is_not(None))
        query = select(Row.id, either.label("is_disabled")).join(Organisation, Organisation.id == Row.organisation_id)
        for column, wanted in ((Row.id, tenant), (Row.organisation_id, organisation)):
            query = query if wanted is None else query.where(column == wanted)
        async with access_transaction(self._engine) as connection:
            return {row.id: row.is_disabled for row in await connection.execute(query)}

    async def _amend(self, actor: str, action: str, tenant: str, values: Values) -> Tenant:
        async with access_transaction(self._engine) as connection:
            return _tenant(await amend_row(connection, actor, action, Row, tenant, values))


def _tenant(row: Values | Any) -> Tenant:  # noqa: ANN401 - a row's mapping
    values = {name: value for name, value in row.items() if name != "organisation_id"}
    models = None if row["models"] is None else tuple(row["models"])
    return Tenant(**{**values, "models": models, "organisation": row["organisation_id"]})
