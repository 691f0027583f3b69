"""Re-indexes as rows: what was asked, what its owner wishes, how far it has come. A row outlives every process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.reindex import ENDED, ReindexRequested, ReindexState
from infra.index.flow_tables import ReindexJob
from infra.index.paging import Keys, Paging, read_page
from infra.index.reindexing import lacking
from infra.index.tables import VectorStore
from infra.index.transaction import not_found, tenant_transaction
from infra.index.version import (
    IndexVersion,
    VersionSpec,
    VersionState,
    find_version,
    go_live,
    lock_versions,
    move,
    refused,
)
from infra.index.versions import make_version


class Wish(StrEnum):
    """What the owner of a re-index wants of it now."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Reindex:
    """A re-index as it was when it was read. Counts are of documents, `rate` of documents a second."""

    id: str
    tenant_id: str
    store_id: str
    version_id: int | None
    asked: Mapping[str, Any]
    state: str
    wish: str
    done: int
    failed: int
    pending: int
    rate: float
    reason: str | None
    quality: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime

    @property
    def request(self) -> ReindexRequested:
        """What was asked."""
        return ReindexRequested.model_validate(self.asked)

    @property
    def builds(self) -> bool:
        """Whether its version is its own, and not one that it only brings up to date."""
        return self.asked.get("catch_up") is None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED

    @property
    def total(self) -> int:
        """The documents that it is about."""
        return self.done + self.failed + self.pending

    @property
    def eta_seconds(self) -> float | None:
        """When it will be done at this rate; None where nothing moves, and where it has ended."""
        if self.ended or self.pending == 0 or self.rate <= 0:
            return None
        return self.pending / self.rate


_COLUMNS = tuple(ReindexJob.__table__.c[field.name] for field in fields(Reindex))
_KEYS = Keys(ReindexJob.created_at, ReindexJob.id)


class ReindexJobs:
    """The re-indexes of all tenants, each for its own alone.

    Every method raises `PenstockError`: `not_found` for what isn't there or is another tenant's, `invalid_request` for
    what its state forbids, `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, tenant: str, store_id: str, request: ReindexRequested) -> Reindex:
        """Note a re-index; one of that id that is there already is answered as it is.

        `invalid_request` where another one builds an index of the store: the two would end in each other's way.
        """
        async with tenant_transaction(self._engine, tenant) as connection:
            store = select(VectorStore.id).where(VectorStore.id == store_id)
            if (await connection.execute(store.with_for_update(key_share=True))).one_or_none() is None:
                raise not_found(f"the vector store {store_id!r}")
            found = await _find(connection, request.job_id)
            if found is not None:
                return _of_store(found, store_id)
            if request.catch_up is None:
                await _refuse_second(connection, store_id)
            row = {"asked": request.model_dump(mode="json", exclude_none=True), "state": ReindexState.REQUESTED}
            statement = insert(ReindexJob).values(
                tenant_id=tenant, id=request.job_id, store_id=store_id, version_id=request.catch_up, **row
            )
            return _reindex((await connection.execute(statement.returning(*_COLUMNS))).one())

    async def find(self, tenant: str, job_id: str, store_id: str | None = None) -> Reindex:
        """The re-index of that id; of that store, where one is named."""
        async with tenant_transaction(self._engine, tenant) as connection:
            return _of_store(_there(await _find(connection, job_id), job_id), store_id)

    async def list(self, tenant: str, store_id: str, paging: Paging) -> tuple[list[Reindex], bool]:
        """A page of a store's re-indexes, and whether there are more."""
        query = select(*_COLUMNS).where(ReindexJob.store_id == store_id)
        async with tenant_transaction(self._engine, tenant) as connection:
            rows, more = await read_page(connection, query, _KEYS, paging)
            return [_reindex(row) for row in rows], more

    async def unbegun(self, tenant: str, store_id: str) -> Sequence[Reindex]:
        """Those of a store that no worker has begun."""
        query = select(*_COLUMNS).where(ReindexJob.store_id == store_id, ReindexJob.state == ReindexState.REQUESTED)
        async with tenant_transaction(self._engine, tenant) as connection:
            return tuple(_reindex(row) for row in await connection.execute(query))

    async def wish(self, tenant: str, store_id: str, job_id: str, wish: Wish) -> Reindex:
        """Say what is to become of a re-index that has not ended; its worker sees to it."""
        async with tenant_transaction(self._engine, tenant) as connection:
            job = _of_store(_there(await _find(connection, job_id, lock=True), job_id), store_id)
            if job.ended:
                raise refused(f"the re-index {job_id!r} has ended: it is {job.state}")
            return await _change(connection, job, wish=wish)

    async def advance(self, tenant: str, job_id: str, **changed: Any) -> Reindex:  # noqa: ANN401 - columns of the row
        """Note how far it has come: `state` and counts. One that has ended stays what it is."""
        async with tenant_transaction(self._engine, tenant) as connection:
            job = _there(await _find(connection, job_id, lock=True), job_id)
            return job if job.ended else await _change(connection, job, **changed)

    async def begin(self, tenant: str, job_id: str, spec: VersionSpec) -> IndexVersion:
        """The version that a re-index builds, made together with the note of its number, or made before."""
        async with tenant_transaction(self._engine, tenant) as connection:
            job = _there(await _find(connection, job_id, lock=True), job_id)
            if job.version_id is not None:
                return await find_version(connection, job.version_id)
            version = await make_version(connection, tenant, job.store_id, spec)
            await _change(connection, job, version_id=version.id, state=ReindexState.BUILDING)
            return version

    async def end(self, tenant: str, job_id: str, state: ReindexState, **changed: Any) -> Reindex:  # noqa: ANN401
        """Note how it has ended, where no version went live; the one that it was building never will."""
        async with tenant_transaction(self._engine, tenant) as connection:
            job = _there(await _find(connection, job_id, lock=True), job_id)
            if job.ended:
                return job
            if job.version_id is not None and job.builds and state != ReindexState.COMPLETED:
                version = await find_version(connection, job.version_id)
                if version.state == VersionState.BUILDING:
                    await move(connection, version, VersionState.FAILED, VersionState.BUILDING)
            return await _change(connection, job, state=state, rate=0.0, **changed)

    async def switch(self, tenant: str, job_id: str, **changed: Any) -> Reindex | None:  # noqa: ANN401
        """Let its version answer, and note that it has ended so, in one transaction.

        None, and nothing is done, while the live version holds what the next one does not, or where the owner has
        wished otherwise meanwhile.
        """
        async with tenant_transaction(self._engine, tenant) as connection:
            job = _there(await _find(connection, job_id, lock=True), job_id)
            if job.ended or job.version_id is None:
                return job
            if job.wish != Wish.RUN:
                return None
            states = await lock_versions(connection, job.store_id)
            live = next((version for version, state in states.items() if state == VersionState.LIVE), None)
            version = await find_version(connection, job.version_id)
            if live is not None and (await lacking(connection, version, live)).count:
                return None
            await go_live(connection, version)
            return await _change(connection, job, state=ReindexState.COMPLETED, rate=0.0, **changed)


async def _find(connection: AsyncConnection, job_id: str, *, lock: bool = False) -> Reindex | None:
    query = select(*_COLUMNS).where(ReindexJob.id == job_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).one_or_none()
    return None if row is None else _reindex(row)


async def _refuse_second(connection: AsyncConnection, store_id: str) -> None:
    query = select(ReindexJob.id).where(ReindexJob.store_id == store_id, ReindexJob.state.not_in(ENDED))
    building = query.where(ReindexJob.asked["catch_up"].is_(None)).limit(1)
    if (running := await connection.scalar(building)) is not None:
        raise refused(f"the re-index {running!r} of this vector store has not ended: wait for it, or cancel it")


async def _change(connection: AsyncConnection, job: Reindex, **changed: Any) -> Reindex:  # noqa: ANN401 - columns
    statement = update(ReindexJob).where(ReindexJob.id == job.id).values(updated_at=func.now(), **changed)
    return _reindex((await connection.execute(statement.returning(*_COLUMNS))).one())


def _there(job: Reindex | None, job_id: str) -> Reindex:
    if job is None:
        raise not_found(f"the re-index {job_id!r}")
    return job


def _of_store(job: Reindex, store_id: str | None) -> Reindex:
    return _there(job if store_id in (None, job.store_id) else None, job.id)


def _reindex(row: Row[*tuple[Any, ...]]) -> Reindex:
    return Reindex(**row._mapping)
