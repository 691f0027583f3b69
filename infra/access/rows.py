"""Rows that administrators make and change: each change with its entry in the audit log, in one transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.access.audit import audited
from infra.access.transaction import not_found, refused
from infra.database.tables import ApiKey, Organisation, Tenant

Kept = type[Organisation] | type[Tenant] | type[ApiKey]
Values = Mapping[str, Any]
KINDS: Mapping[Kept, str] = {Organisation: "organisation", Tenant: "tenant", ApiKey: "key"}
"""What they are called, in the audit log and to people."""


async def read_row(connection: AsyncConnection, table: Kept, row_id: str, *, locked: bool = False) -> Values:
    """The row of that id; `locked` keeps others from changing it before the transaction ends.

    Raises `PenstockError` (`not_found`).
    """
    query = select(table.__table__).where(table.id == row_id)
    row = (await connection.execute(query.with_for_update() if locked else query)).mappings().one_or_none()
    if row is None:
        raise not_found(f"the {KINDS[table]} {row_id!r}")
    return dict(row)


async def add_row(
    connection: AsyncConnection, actor: str, table: Kept, values: Values, *, action: str = "created"
) -> Values:
    """A new row. Raises `PenstockError` (`invalid_request`) where there is one of that id."""
    statement = upsert(table).values(**values).on_conflict_do_nothing(index_elements=["id"])
    added = (await connection.execute(statement.returning(table.__table__))).mappings().one_or_none()
    if added is None:
        raise refused(f"there is a {KINDS[table]} {values['id']!r} already", "id")
    await audited(connection, actor, action, KINDS[table], values["id"], None, added)
    return dict(added)


async def amend_row(  # noqa: PLR0913, PLR0917 - what was done, by whom, to what
    connection: AsyncConnection, actor: str, action: str, table: Kept, row_id: str, values: Values
) -> Values:
    """Change some columns. Where they are so already, nothing was changed, and the audit log doesn't say so.

    Raises `PenstockError` (`not_found`).
    """
    before = await read_row(connection, table, row_id, locked=True)
    if all(before[name] == value for name, value in values.items()):
        return before
    statement = update(table).where(table.id == row_id).values(**values).returning(table.__table__)
    after = (await connection.execute(statement)).mappings().one()
    await audited(connection, actor, action, KINDS[table], row_id, before, after)
    return dict(after)


async def ensure_tenant(connection: AsyncConnection, actor: str, tenant: str) -> None:
    """Make a tenant of the default organisation where there is none of that id."""
    statement = upsert(Tenant).values(id=tenant).on_conflict_do_nothing().returning(Tenant.__table__)
    added = (await connection.execute(statement)).mappings().one_or_none()
    if added is not None:
        await audited(connection, actor, "created", KINDS[Tenant], tenant, None, added)
