"""What an index version is, and its row in a transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.errors import ErrorCode, PenstockError
from infra.index.tables import IndexVersionRow, VectorStore
from infra.index.transaction import STAGE, not_found


class VersionState(StrEnum):
    """`live` answers searches; `past` was live and can be again; `failed` did not pass its gate."""

    BUILDING = "building"
    LIVE = "live"
    PAST = "past"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class VersionSpec:
    """How an index is made: chunker settings, embedding model and revision, dimension, text-search configuration."""

    model: str
    revision: str
    dimension: int
    chunker: Mapping[str, Any]
    text_config: str = "plain"


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """A version as it was when it was read. Counts: `chunks` and their `total_length` in BM25 words; `posted` chunks
    that postings name, deleted ones too. `graph_effort` is the `hnsw.ef_search` that the graph needs, None without one;
    it was found when there were `graph_chunks`.
    """

    id: int
    tenant_id: str
    store_id: str
    state: str
    model: str
    revision: str
    dimension: int
    chunker: Mapping[str, Any]
    text_config: str
    chunks: int
    total_length: int
    posted: int
    graph_effort: int | None
    graph_chunks: int | None
    created_at: datetime
    switched_at: datetime | None
    quality: Mapping[str, Any] | None

    @property
    def average_length(self) -> float:
        """Of a chunk, in BM25 words; 0 where there is none."""
        return self.total_length / max(1, self.chunks)

    @property
    def spec(self) -> VersionSpec:
        """How it was made."""
        return VersionSpec(self.model, self.revision, self.dimension, self.chunker, self.text_config)


COLUMNS = tuple(IndexVersionRow.__table__.c[field.name] for field in fields(IndexVersion))
"""What `version_of` needs of a row."""


@dataclass(frozen=True, slots=True)
class VersionStatistics:
    """What a version holds. `documents` counts by status, `bytes` is on disk with indexes."""

    documents: Mapping[str, int]
    chunks: int
    total_length: int
    segments: int
    bytes: int


def version_of(row: Row[Any]) -> IndexVersion:
    """From the `COLUMNS` of a row."""
    return IndexVersion(**row._mapping)


async def find_version(connection: AsyncConnection, version_id: int) -> IndexVersion:
    """Raises `PenstockError` (`not_found`) where this tenant has none of that number."""
    row = (await connection.execute(select(*COLUMNS).where(IndexVersionRow.id == version_id))).one_or_none()
    if row is None:
        raise not_found("the index version")
    return version_of(row)


async def require_store(connection: AsyncConnection, store: str) -> None:
    """Raises `PenstockError` (`not_found`) where this tenant has no such store."""
    if (await connection.execute(select(VectorStore.id).where(VectorStore.id == store))).one_or_none() is None:
        raise not_found(f"the vector store {store!r}")


async def hold_store(connection: AsyncConnection, store: str) -> None:
    """The same; and nobody deletes the store, or a document of it, before the transaction ends."""
    held = select(VectorStore.id).where(VectorStore.id == store).with_for_update(key_share=True, read=True)
    if (await connection.execute(held)).one_or_none() is None:
        raise not_found(f"the vector store {store!r}")


async def lock_versions(connection: AsyncConnection, store: str) -> dict[int, str]:
    """The states of a store's versions by id, which nobody else changes or writes to until the transaction ends.

    Whoever locks versions and documents locks versions first, the lowest id first: so nobody waits in a circle.
    """
    query = select(IndexVersionRow.id, IndexVersionRow.state).where(IndexVersionRow.store_id == store)
    rows = await connection.execute(query.order_by(IndexVersionRow.id).with_for_update(key_share=True))
    return {row.id: row.state for row in rows}


async def go_live(connection: AsyncConnection, version: IndexVersion) -> None:
    """Switch a store to one of its versions; its settings say from then on how that one is made.

    Raises `PenstockError` (`invalid_request`) where the version's state forbids it.
    """
    states = await lock_versions(connection, version.store_id)
    if states[version.id] not in {VersionState.BUILDING, VersionState.PAST}:
        raise refused(f"the index version {version.id} is {states[version.id]} and can't go live")
    of_store = IndexVersionRow.store_id == version.store_id
    live = update(IndexVersionRow).where(of_store, IndexVersionRow.state == VersionState.LIVE)
    await connection.execute(live.values(state=VersionState.PAST))
    chosen = update(IndexVersionRow).where(IndexVersionRow.id == version.id)
    await connection.execute(chosen.values(state=VersionState.LIVE, switched_at=func.now()))
    store = update(VectorStore).where(VectorStore.id == version.store_id)
    settings = VectorStore.settings.concat(_settings_of(version))
    await connection.execute(store.values(live_version=version.id, settings=settings))


def _settings_of(version: IndexVersion) -> dict[str, Any]:
    """What a store's settings (`infra.index.stores.StoreSettings`) say of how a version is made."""
    chunker = {f"chunk_{name}": version.chunker[name] for name in ("tokens", "overlap") if name in version.chunker}
    return {"embedding_model": version.model, **chunker}


async def move(connection: AsyncConnection, version: IndexVersion, to: VersionState, *allowed: VersionState) -> None:
    """Give a version another state. Raises `PenstockError` (`invalid_request`) unless it is in one of those allowed."""
    states = await lock_versions(connection, version.store_id)
    if states[version.id] not in allowed:
        raise refused(f"the index version {version.id} is {states[version.id]} and can't become {to}")
    await connection.execute(update(IndexVersionRow).where(IndexVersionRow.id == version.id).values(state=to))


def refused(message: str) -> PenstockError:
    """For what the state of things forbids."""
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE)
