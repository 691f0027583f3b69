"""Vector stores: made, found by id or by name, changed, deleted; and how many documents each has."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Row, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import PenstockError
from infra.index.documents import DocumentStatus
from infra.index.paging import Keys, Paging, read_page
from infra.index.tables import Document, DocumentState, VectorStore
from infra.index.transaction import not_found, tenant_transaction
from infra.index.versions import IndexVersions

_COLUMNS = (
    VectorStore.id,
    VectorStore.tenant_id,
    VectorStore.name,
    VectorStore.attributes.label("metadata"),
    VectorStore.confidential,
    VectorStore.settings,
    VectorStore.live_version,
    VectorStore.created_at,
    VectorStore.last_active_at,
    VectorStore.expires_after,
)
_KEYS = Keys(VectorStore.created_at, VectorStore.id)

document_status = case(
    (DocumentState.status.is_(None) & Document.error_code.is_not(None), DocumentStatus.FAILED),
    (DocumentState.status.is_(None), DocumentStatus.IN_PROGRESS),
    (
        (DocumentState.status == DocumentStatus.COMPLETED) & DocumentState.sha256.is_distinct_from(Document.sha256),
        DocumentStatus.IN_PROGRESS,
    ),
    else_=DocumentState.status,
)
"""How far a document has come in the live version: one that is registered and not seen yet is in progress, unless it
failed when there was no version; and so is one whose content has changed since."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How a store's documents are cut and embedded, how many past index versions it keeps, and what its owner says of
    it. Sizes in tokens.
    """

    embedding_model: str = "wordllama"
    chunk_tokens: int = 512
    chunk_overlap: int = 0
    keep_versions: int = 1
    description: str | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From what is stored; a field that is absent has its default."""
        return cls(**{each.name: settings[each.name] for each in fields(cls) if each.name in settings})

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Store:
    """A vector store as it was when it was read. `expires_after` is `{"anchor": "last_active_at", "days": n}`."""

    id: str
    tenant_id: str
    name: str
    metadata: Mapping[str, Any]
    confidential: bool
    settings: StoreSettings
    live_version: int | None
    created_at: datetime
    last_active_at: datetime
    expires_after: Mapping[str, Any] | None

    @property
    def expires_at(self) -> datetime | None:
        """When it expires unless it is used before; None where it never does."""
        if self.expires_after is None:
            return None
        return self.last_active_at + timedelta(days=self.expires_after["days"])

    def is_expired(self, now: datetime | None = None) -> bool:
        """Whether nobody has used it for as long as it was made for."""
        expires_at = self.expires_at
        return expires_at is not None and expires_at <= (now or datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Holding:
    """What a store has: its documents by status in the live version, and the bytes that their text takes there."""

    documents: Mapping[str, int] = field(default_factory=dict)
    usage_bytes: int = 0


class Stores:
    """The stores of all tenants, each for its own alone.

    Every method raises `PenstockError`: `not_found` for what isn't there or is another tenant's, `invalid_request` for
    a value that can't be stored, `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(  # noqa: PLR0913 - a store is its fields
        self,
        tenant: str,
        *,
        name: str,
        metadata: Mapping[str, str],
        settings: StoreSettings,
        expires_after: Mapping[str, Any] | None = None,
        confidential: bool = False,
    ) -> Store:
        """A new store, without a version of its index. Names need not be unique."""
        values = {"name": name, "metadata": dict(metadata), "expires_after": expires_after}
        row = _row({**values, "confidential": confidential, "settings": settings.to_json()})
        statement = insert(VectorStore).values(tenant_id=tenant, id=f"vs_{secrets.token_hex(12)}", **row)
        async with tenant_transaction(self._engine, tenant) as connection:
            return _store((await connection.execute(statement.returning(*_COLUMNS))).one())

    async def resolve(self, tenant: str, store: str) -> Store:
        """The store of that id, or else the oldest of that name."""
        async with tenant_transaction(self._engine, tenant) as connection:
            return await find_store(connection, store)

    async def list(
        self, tenant: str, paging: Paging, name: str | None = None, only: Collection[str] | None = None
    ) -> tuple[list[Store], bool]:
        """A page of them, or of those of a name, or of some ids, and whether there are more."""
        query = select(*_COLUMNS)
        if only is not None:
            query = query.where(VectorStore.id.in_(only))
        if name is not None:
            query = query.where(VectorStore.name == name)
        async with tenant_transaction(self._engine, tenant) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
            return [_store(row) for row in rows], more

    async def confidential(self, tenant: str) -> tuple[str, ...]:
        """The ids of those that are confidential and have not expired."""
        query = select(*_COLUMNS).where(VectorStore.confidential)
        async with tenant_transaction(self._engine, tenant) as connection:
            found = [_store(row) for row in await connection.execute(query)]
        return tuple(store.id for store in found if not store.is_expired())

    async def update(
        self, tenant: str, store_id: str, changes: Mapping[str, Any], settings: Mapping[str, Any] | None = None
    ) -> Store:
        """Change `name`, `metadata`, `expires_after` or `confidential`, and fields of the settings. That is a use."""
        values = {**_row(changes), "settings": VectorStore.settings.concat(dict(settings or {}))}
        mine = update(VectorStore).where(VectorStore.id == store_id)
        statement = mine.values(last_active_at=func.now(), **values).returning(*_COLUMNS)
        async with tenant_transaction(self._engine, tenant) as connection:
            row = (await connection.execute(statement)).one_or_none()
            if row is None:
                raise _no_store(store_id)
            return _store(row)

    async def touch(self, tenant: str, store_id: str) -> None:
        """It has been used: its expiry counts from now. What isn't there, isn't used."""
        mine = update(VectorStore).where(VectorStore.id == store_id).values(last_active_at=func.now())
        async with tenant_transaction(self._engine, tenant) as connection:
            await connection.execute(mine)

    async def delete(self, tenant: str, store_id: str) -> None:
        """Delete a store, its documents and its index; the files stay."""
        await IndexVersions(self._engine).drop_store(tenant, store_id)

    async def holdings(self, tenant: str, store_ids: Sequence[str]) -> dict[str, Holding]:
        """What each of some stores has, by id."""
        in_live = (DocumentState.version_id == VectorStore.live_version) & (DocumentState.document_id == Document.id)
        query = (
            select(
                Document.store_id,
                document_status.label("status"),
                func.count().label("documents"),
                func.coalesce(func.sum(DocumentState.usage_bytes), 0).label("usage_bytes"),
            )
            .join(VectorStore, VectorStore.id == Document.store_id)
            .join(DocumentState, in_live, isouter=True)
            .where(Document.store_id.in_(store_ids))
            .group_by(Document.store_id, document_status)
        )
        async with tenant_transaction(self._engine, tenant) as connection:
            rows = list(await connection.execute(query))
        return {store_id: _holding([row for row in rows if row.store_id == store_id]) for store_id in store_ids}


async def find_store(connection: AsyncConnection, store: str) -> Store:
    """By id, or else the oldest of that name; within a tenant's transaction. Raises `PenstockError` (`not_found`)."""
    query = select(*_COLUMNS).where((VectorStore.id == store) | (VectorStore.name == store))
    query = query.order_by((VectorStore.id == store).desc(), VectorStore.created_at, VectorStore.id).limit(1)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise _no_store(store)
    return _store(row)


async def find_stores(connection: AsyncConnection, names: Collection[str]) -> dict[str, Store]:
    """Those that are there, by what they were asked by, as `find_store`; none can be deleted before the transaction
    ends, nor a document of it.
    """
    query = select(*_COLUMNS).where(VectorStore.id.in_(names) | VectorStore.name.in_(names))
    query = query.order_by(VectorStore.created_at, VectorStore.id).with_for_update(key_share=True, read=True)
    stores = [_store(row) for row in await connection.execute(query)]
    by_name = {store.name: store for store in reversed(stores)}
    found = {**by_name, **{store.id: store for store in stores}}
    return {name: found[name] for name in names if name in found}


def _no_store(store: str) -> PenstockError:
    return not_found(f"the vector store {store!r}")


def _row(values: Mapping[str, Any]) -> dict[str, Any]:
    return {("attributes" if name == "metadata" else name): value for name, value in values.items()}


def _store(row: Row[*tuple[Any, ...]]) -> Store:
    return Store(**{**row._mapping, "settings": StoreSettings.of(row.settings)})


def _holding(rows: Sequence[Any]) -> Holding:
    return Holding({row.status: row.documents for row in rows}, int(sum(row.usage_bytes for row in rows)))
