"""What a version has yet to hold of its store, document by document: what a re-index does, and when it is done.

A document *waits* until somebody has put it on the queue, is *queued* until its chunks are there, and then it is done
or has failed. What the version said of it before the re-index began counts for nothing, unless it is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import aliased

from infra.index.documents import DocumentStatus
from infra.index.tables import Document, DocumentState, IndexVersionRow
from infra.index.transaction import tenant_transaction
from infra.index.version import IndexVersion

_MARK_QUEUED = text(
    """
    INSERT INTO document_states AS s (version_id, document_id, tenant_id, status, updated_at)
    SELECT :version, id, tenant_id, 'in_progress', clock_timestamp() FROM documents
    WHERE store_id = :store AND id = ANY(:ids) ORDER BY id FOR KEY SHARE
    ON CONFLICT (version_id, document_id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at
    WHERE s.sha256 IS DISTINCT FROM (SELECT sha256 FROM documents d WHERE d.store_id = :store AND d.id = s.document_id)
    AND NOT (s.status = 'failed' AND s.updated_at >= :since)
    """
)
_DONE, _FAILED, _LEFT_OUT, _QUEUED, _WAITING = "done", "failed", "left out", "queued", "waiting"


@dataclass(frozen=True, slots=True)
class Counts:
    """Documents. `lagging` are those of the pending ones that the live version has got over, or all where none is live:
    others were submitted just now, and are on their way to both. `at` is the database's time.
    """

    done: int
    failed: int
    queued: int
    waiting: int
    lagging: int
    at: datetime

    @property
    def pending(self) -> int:
        """Neither done nor failed."""
        return self.queued + self.waiting


@dataclass(frozen=True, slots=True)
class Lacking:
    """How many documents one version holds that another one does not; one of them, and why, if that is known."""

    count: int
    document_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A document that a version is to hold with the content `sha256`."""

    document_id: str
    sha256: bytes


class Reindexing:
    """The version `version` as a re-index fills it that began at `since`, by the database's clock, beside `live`.

    Every method raises `PenstockError` (`pipeline_unavailable`) where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine, version: IndexVersion, live: int | None, since: datetime) -> None:
        self._engine = engine
        self.version = version
        self.live = live
        self._since = since
        self._state, self._live_state = aliased(DocumentState), aliased(DocumentState)

    async def counts(self) -> Counts:
        """How far it has come."""
        columns = (self._kind().label("kind"), self._lags().label("lags"), func.count().label("documents"))
        query = self._joined(*columns).group_by("kind", "lags")
        async with tenant_transaction(self._engine, self.version.tenant_id) as connection:
            rows = list(await connection.execute(query))
            at = (await connection.execute(select(func.now()))).scalar_one()
        by = {name: sum(row.documents for row in rows if row.kind == name) for name in (_DONE, _FAILED)}
        pending = {name: [row for row in rows if row.kind == name] for name in (_QUEUED, _WAITING)}
        queued, waiting = (sum(row.documents for row in pending[name]) for name in (_QUEUED, _WAITING))
        lagging = sum(row.documents for of_kind in pending.values() for row in of_kind if row.lags)
        return Counts(by[_DONE], by[_FAILED], queued, waiting, lagging, at)

    async def waiting(self, *, after: str = "", limit: int) -> list[Pending]:
        """Documents that nobody has put on the queue yet, by id. Pages by `after`."""
        return await self._pending(self._kind() == _WAITING, after, limit)

    async def lost(self, before: datetime, *, limit: int) -> list[Pending]:
        """Documents that were put on the queue before a moment, and are not done."""
        return await self._pending(and_(self._kind() == _QUEUED, self._state.updated_at < before), "", limit)

    async def mark_queued(self, document_ids: Sequence[str]) -> None:
        """Note that they are on the queue; of those that were quicker than this note nothing is changed."""
        values = {
            "version": self.version.id,
            "store": self.version.store_id,
            "ids": list(document_ids),
            "since": self._since,
        }
        async with tenant_transaction(self._engine, self.version.tenant_id) as connection:
            # Whoever locks several documents locks a version first (`infra.index.version.lock_versions`).
            mine = select(IndexVersionRow.id).where(IndexVersionRow.id == self.version.id)
            await connection.execute(mine.with_for_update(key_share=True))
            await connection.execute(_MARK_QUEUED, values)

    async def lacking(self) -> Lacking:
        """What the live version holds and this one does not."""
        if self.live is None:
            return Lacking(0)
        async with tenant_transaction(self._engine, self.version.tenant_id) as connection:
            return await lacking(connection, self.version, self.live)

    async def _pending(self, which: ColumnElement[bool], after: str, limit: int) -> list[Pending]:
        query = self._joined(Document.id, Document.sha256).where(which, Document.id > after)
        async with tenant_transaction(self._engine, self.version.tenant_id) as connection:
            return [Pending(*row) for row in await connection.execute(query.order_by(Document.id).limit(limit))]

    def _joined(self, *columns: Any) -> Select[Any]:  # noqa: ANN401 - what SQLAlchemy selects
        state, live = self._state, self._live_state
        return (
            select(*columns)
            .select_from(Document)
            .join(state, and_(state.version_id == self.version.id, state.document_id == Document.id), isouter=True)
            .join(live, and_(live.version_id == (self.live or 0), live.document_id == Document.id), isouter=True)
            .where(Document.store_id == self.version.store_id)
        )

    def _kind(self) -> ColumnElement[str]:
        mine, is_new = self._state, self._state.updated_at >= self._since
        cancelled = or_(
            and_(mine.status == DocumentStatus.CANCELLED, is_new), self._live_state.status == DocumentStatus.CANCELLED
        )
        return case(
            (mine.sha256 == Document.sha256, _DONE),
            (and_(mine.status == DocumentStatus.FAILED, is_new), _FAILED),
            (cancelled, _LEFT_OUT),
            (and_(mine.status == DocumentStatus.IN_PROGRESS, is_new), _QUEUED),
            else_=_WAITING,
        )

    def _lags(self) -> ColumnElement[bool]:
        if self.live is None:
            return true()
        over = or_(self._live_state.sha256 == Document.sha256, self._live_state.status == DocumentStatus.FAILED)
        return func.coalesce(over, False)


async def lacking(connection: AsyncConnection, version: IndexVersion, live: int) -> Lacking:
    """The documents that `live` holds as the store wants them and `version` does not, in a tenant's transaction."""
    mine, theirs = aliased(DocumentState), aliased(DocumentState)
    query = (
        select(Document.id, mine.error_message, func.count().over().label("documents"))
        .join(theirs, and_(theirs.version_id == live, theirs.document_id == Document.id))
        .join(mine, and_(mine.version_id == version.id, mine.document_id == Document.id), isouter=True)
        .where(Document.store_id == version.store_id, theirs.sha256 == Document.sha256)
        .where(mine.sha256.is_distinct_from(Document.sha256))
        .order_by(Document.id)
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return Lacking(0) if row is None else Lacking(row.documents, row.id, row.error_message)
