"""Batches of files that were put into a store together. How far they have come, the store's documents say."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.index.flow_tables import FileBatch
from infra.index.transaction import not_found, tenant_transaction


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was made, and when it was cancelled, if it was."""

    id: str
    store_id: str
    document_ids: tuple[str, ...]
    created_at: datetime
    cancelled_at: datetime | None


_COLUMNS = tuple(FileBatch.__table__.c[field.name] for field in fields(Batch))


class FileBatches:
    """The batches of all tenants, each for its own alone. Every method raises `PenstockError`: `not_found` for what
    isn't there or is another tenant's, `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, tenant: str, store_id: str, document_ids: Sequence[str]) -> Batch:
        """A new batch of a store that is there."""
        row = {"id": f"vsfb_{secrets.token_hex(12)}", "store_id": store_id, "document_ids": list(document_ids)}
        statement = insert(FileBatch).values(tenant_id=tenant, **row).returning(*_COLUMNS)
        async with tenant_transaction(self._engine, tenant) as connection:
            return _batch((await connection.execute(statement)).one())

    async def find(self, tenant: str, store_id: str, batch_id: str) -> Batch:
        """One of a store's batches."""
        query = select(*_COLUMNS).where(FileBatch.store_id == store_id, FileBatch.id == batch_id)
        async with tenant_transaction(self._engine, tenant) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise not_found(f"the file batch {batch_id!r}")
        return _batch(row)

    async def cancel(self, tenant: str, batch_id: str) -> None:
        """Note that it was cancelled; the first time counts."""
        mine = update(FileBatch).where(FileBatch.id == batch_id, FileBatch.cancelled_at.is_(None))
        async with tenant_transaction(self._engine, tenant) as connection:
            await connection.execute(mine.values(cancelled_at=func.now()))


def _batch(row: Row[*tuple[Any, ...]]) -> Batch:
    return Batch(**{**row._mapping, "document_ids": tuple(row.document_ids)})
