"""What a store holds, as its owner sees it: each document and how far it has come in the live version."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.filters import Scalar
from infra.index.documents import DocumentStatus
from infra.index.paging import Keys, Paging, read_page
from infra.index.stores import document_status
from infra.index.tables import Document, DocumentState, VectorStore
from infra.index.transaction import driver_of, not_found, tenant_transaction
from infra.index.version_tables import about

_KEYS = Keys(Document.created_at, Document.id)
_TEXTS = "SELECT text FROM {chunks} WHERE document_id = %s ORDER BY ordinal"


@dataclass(frozen=True, slots=True)
class StoreDocument:
    """A document of a store. `error_code` and `error_message` say why one has failed; `is_indexed` whether anything of
    it can be found, if only its content of before; `chunks` and `usage_bytes` how much that is.
    """

    id: str
    filename: str
    attributes: Mapping[str, Scalar]
    sha256: bytes
    file_id: str | None
    created_at: datetime
    submitted_at: datetime
    status: str
    error_code: str | None
    error_message: str | None
    is_indexed: bool
    chunks: int
    usage_bytes: int


class StoreDocuments:
    """The documents of all stores, each for its own tenant alone. Every method raises `PenstockError`: `not_found`, and
    `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, tenant: str, store: str, document_id: str) -> StoreDocument:
        """One of them."""
        found = await self.find_all(tenant, store, [document_id])
        if document_id not in found:
            raise not_found(f"the document {document_id!r}")
        return found[document_id]

    async def find_all(self, tenant: str, store: str, document_ids: Sequence[str]) -> dict[str, StoreDocument]:
        """Those that are there, by id."""
        return {each.id: each for each in await self._read(tenant, _of(store).where(Document.id.in_(document_ids)))}

    async def page(
        self, tenant: str, store: str, paging: Paging, status: DocumentStatus | None = None
    ) -> tuple[list[StoreDocument], bool]:
        """A page of them, or of those of a status, and whether there are more."""
        query = _of(store) if status is None else _of(store).where(document_status == status)
        async with tenant_transaction(self._engine, tenant) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
            return [_document(row) for row in rows], more

    async def by_id(
        self, tenant: str, store: str, *, after: str = "", limit: int, status: DocumentStatus | None = None
    ) -> list[StoreDocument]:
        """Those behind `after` in the order of ids, which need not be one of them."""
        query = _of(store).where(Document.id > after).order_by(Document.id).limit(limit)
        return await self._read(tenant, query if status is None else query.where(document_status == status))

    async def of_file(self, tenant: str, file_id: str) -> dict[str, list[str]]:
        """The ids of the documents whose content is in a file, by store."""
        query = select(Document.store_id, Document.id).where(Document.file_id == file_id)
        found: dict[str, list[str]] = defaultdict(list)
        async with tenant_transaction(self._engine, tenant) as connection:
            for row in await connection.execute(query):
                found[row.store_id].append(row.id)
        return dict(found)

    async def stores_of_files(self, tenant: str, file_ids: Collection[str]) -> dict[str, set[str]]:
        """The ids of the stores that each of some files is in; those that are in none are left out."""
        query = select(Document.file_id, Document.store_id).where(Document.file_id.in_(file_ids)).distinct()
        found: dict[str, set[str]] = defaultdict(set)
        async with tenant_transaction(self._engine, tenant) as connection:
            for row in await connection.execute(query):
                found[row.file_id].add(row.store_id)
        return dict(found)

    async def texts(self, tenant: str, store: str, document_id: str) -> list[str]:
        """The chunks of a document as the live version has them; none before there is one."""
        query = select(VectorStore.live_version).where(VectorStore.id == store)
        async with tenant_transaction(self._engine, tenant) as connection:
            version = await connection.scalar(query)
            if version is None:
                return []
            cursor = await (await driver_of(connection)).execute(about(_TEXTS, version), (document_id,))
            return [text for (text,) in await cursor.fetchall()]

    async def _read(self, tenant: str, query: Select[*tuple[Any, ...]]) -> list[StoreDocument]:
        async with tenant_transaction(self._engine, tenant) as connection:
            return [_document(row) for row in await connection.execute(query)]


def _of(store: str) -> Select[*tuple[Any, ...]]:
    in_live = (DocumentState.version_id == VectorStore.live_version) & (DocumentState.document_id == Document.id)
    return (
        select(
            *(Document.id, Document.filename, Document.attributes, Document.sha256, Document.file_id),
            *(Document.created_at, Document.submitted_at),
            document_status.label("status"),
            func.coalesce(DocumentState.error_code, Document.error_code).label("error_code"),
            func.coalesce(DocumentState.error_message, Document.error_message).label("error_message"),
            DocumentState.sha256.is_not(None).label("is_indexed"),
            *(DocumentState.chunks, DocumentState.usage_bytes),
        )
        .join(VectorStore, VectorStore.id == Document.store_id)
        .join(DocumentState, in_live, isouter=True)
        .where(Document.store_id == store)
    )


def _document(row: Row[*tuple[Any, ...]]) -> StoreDocument:
    counted = {name: getattr(row, name) or 0 for name in ("chunks", "usage_bytes")}
    return StoreDocument(**{**row._mapping, **counted})
