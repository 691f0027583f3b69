"""What people think of answers and of documents that were found, kept beside what the evaluation sets measure."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.index.flow_tables import Feedback
from infra.index.paging import Keys, Paging, read_page
from infra.index.transaction import tenant_transaction

_COLUMNS = (
    Feedback.id,
    Feedback.rating,
    Feedback.request_id,
    Feedback.store_id,
    Feedback.document_id,
    Feedback.query,
    Feedback.comment,
    Feedback.attributes,
    Feedback.created_at,
)
_KEYS = Keys(Feedback.created_at, Feedback.id)


@dataclass(frozen=True, slots=True)
class NewFeedback:
    """An opinion. `rating` is from -1 (bad) to 1 (good); it is about an answer, a document that was found, or both."""

    rating: float
    request_id: str | None = None
    store_id: str | None = None
    document_id: str | None = None
    query: str | None = None
    comment: str | None = None
    attributes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StoredFeedback:
    """An opinion that was given."""

    id: str
    rating: float
    request_id: str | None
    store_id: str | None
    document_id: str | None
    query: str | None
    comment: str | None
    attributes: Mapping[str, Any]
    created_at: datetime


class FeedbackBook:
    """All opinions, each for its own tenant alone. Every method raises `PenstockError`: `invalid_request` for text that
    can't be stored, `pipeline_unavailable`, retryable, where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, tenant: str, given: NewFeedback) -> StoredFeedback:
        """Keep one."""
        fields = {**asdict(given), "attributes": dict(given.attributes or {})}
        row = {"tenant_id": tenant, "id": f"fb_{secrets.token_hex(12)}", **fields}
        async with tenant_transaction(self._engine, tenant) as connection:
            return _stored((await connection.execute(insert(Feedback).values(**row).returning(*_COLUMNS))).one())

    async def list(self, tenant: str, paging: Paging, store_id: str | None = None) -> tuple[list[StoredFeedback], bool]:
        """A page of them, or of those about a store, and whether there are more."""
        query = select(*_COLUMNS)
        if store_id is not None:
            query = query.where(Feedback.store_id == store_id)
        async with tenant_transaction(self._engine, tenant) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
            return [_stored(row) for row in rows], more


def _stored(row: Row[*tuple[Any, ...]]) -> StoredFeedback:
    return StoredFeedback(*row)
