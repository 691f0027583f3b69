"""Index versions: made, filled, switched to, gone back from, dropped. Each is immutable in how it was made."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.index.tables import DocumentState, IndexSegment, IndexVersionRow, VectorStore
from infra.index.transaction import as_owner, driver_of, not_found, tenant_transaction
from infra.index.version import (
    COLUMNS,
    IndexVersion,
    VersionSpec,
    VersionState,
    VersionStatistics,
    find_version,
    go_live,
    lock_versions,
    move,
    refused,
    require_store,
    version_of,
)
from infra.index.version_tables import LARGEST_DIMENSION, create_tables, drop_tables


class IndexVersions:
    """The versions of all stores, each for its own tenant alone.

    Every method raises `PenstockError`: `not_found` for what isn't there or is another tenant's, `invalid_request` for
    what a version's state forbids, `pipeline_unavailable` where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, tenant: str, store: str, spec: VersionSpec) -> IndexVersion:
        """A new version, `building`, with empty tables."""
        async with tenant_transaction(self._engine, tenant) as connection:
            await require_store(connection, store)
            return await make_version(connection, tenant, store, spec)

    async def ensure_live(self, tenant: str, store: str, spec: VersionSpec) -> IndexVersion:
        """The version that answers; for a store that has none yet, a first one as `spec` says, in one transaction.

        Whoever comes second gets the first one's.
        """
        mine = select(VectorStore.live_version).where(VectorStore.id == store).with_for_update(key_share=True)
        async with tenant_transaction(self._engine, tenant) as connection:
            row = (await connection.execute(mine)).one_or_none()
            if row is None:
                raise not_found(f"the vector store {store!r}")
            if row.live_version is not None:
                return await find_version(connection, row.live_version)
            # Live from the beginning: to switch to it would be to lock versions, and who does that locks them first.
            made = await make_version(connection, tenant, store, spec)
            chosen = update(VectorStore).where(VectorStore.id == store)
            await connection.execute(chosen.values(live_version=made.id))
            version = update(IndexVersionRow).where(IndexVersionRow.id == made.id)
            live = version.values(state=VersionState.LIVE, switched_at=func.now())
            return version_of((await connection.execute(live.returning(*COLUMNS))).one())

    async def find(self, tenant: str, version_id: int) -> IndexVersion:
        """A version, whatever its state."""
        async with tenant_transaction(self._engine, tenant) as connection:
            return await find_version(connection, version_id)

    async def live(self, tenant: str, store: str) -> IndexVersion:
        """The one that answers. `not_found` too for a store that has none yet."""
        query = select(*COLUMNS).join(VectorStore, VectorStore.live_version == IndexVersionRow.id)
        async with tenant_transaction(self._engine, tenant) as connection:
            row = (await connection.execute(query.where(VectorStore.id == store))).one_or_none()
        if row is None:
            raise not_found(f"an index of the vector store {store!r}")
        return version_of(row)

    async def of_store(self, tenant: str, store: str, *states: VersionState) -> list[IndexVersion]:
        """The versions of a store, the oldest first: all that were ever made, or those in `states`."""
        query = select(*COLUMNS).where(IndexVersionRow.store_id == store).order_by(IndexVersionRow.id)
        if states:
            query = query.where(IndexVersionRow.state.in_(states))
        async with tenant_transaction(self._engine, tenant) as connection:
            return [version_of(row) for row in await connection.execute(query)]

    async def statistics(self, tenant: str, version_id: int) -> VersionStatistics:
        """Counts of one moment."""
        async with tenant_transaction(self._engine, tenant) as connection:
            version = await find_version(connection, version_id)
            of_version = DocumentState.version_id == version_id
            states = select(DocumentState.status, func.count()).where(of_version).group_by(DocumentState.status)
            documents = {row[0]: row[1] for row in await connection.execute(states)}
            segments = select(func.count()).where(IndexSegment.version_id == version_id)
            chunks, postings = (
                func.coalesce(func.pg_total_relation_size(func.to_regclass(f"{kind}_{version_id:d}")), 0)
                for kind in ("chunks", "postings")
            )
            return VersionStatistics(
                documents=documents,
                chunks=version.chunks,
                total_length=version.total_length,
                segments=(await connection.execute(segments)).scalar_one(),
                bytes=(await connection.execute(select(chunks + postings))).scalar_one(),
            )

    async def switch(self, tenant: str, version_id: int) -> IndexVersion:
        """Let a `building` or `past` version answer from now on, in one transaction; the one before it is `past`."""
        async with tenant_transaction(self._engine, tenant) as connection:
            version = await find_version(connection, version_id)
            await go_live(connection, version)
            return await find_version(connection, version_id)

    async def rollback(self, tenant: str, store: str) -> IndexVersion:
        """Let the version answer again that did before the live one was switched to. Twice leads back."""
        query = (
            select(*COLUMNS)
            .where(IndexVersionRow.store_id == store, IndexVersionRow.state == VersionState.PAST)
            .order_by(IndexVersionRow.switched_at.desc())
            .limit(1)
        )
        async with tenant_transaction(self._engine, tenant) as connection:
            await require_store(connection, store)
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise refused(f"the vector store {store!r} has no earlier index to go back to")
            await go_live(connection, version_of(row))
            return await find_version(connection, row.id)

    async def fail(self, tenant: str, version_id: int) -> None:
        """Mark a `building` version as one that is not to go live."""
        async with tenant_transaction(self._engine, tenant) as connection:
            version = await find_version(connection, version_id)
            await move(connection, version, VersionState.FAILED, VersionState.BUILDING)

    async def set_quality(self, tenant: str, version_id: int, quality: Mapping[str, Any]) -> None:
        """Keep what an evaluation found."""
        async with tenant_transaction(self._engine, tenant) as connection:
            await find_version(connection, version_id)
            mine = update(IndexVersionRow).where(IndexVersionRow.id == version_id)
            await connection.execute(mine.values(quality=dict(quality)))

    async def drop(self, tenant: str, version_id: int) -> None:
        """Give back what a version that is not live takes on disk. Its row stays, as history."""
        async with tenant_transaction(self._engine, tenant) as connection:
            version = await find_version(connection, version_id)
            others = [state for state in VersionState if state != VersionState.LIVE]
            await move(connection, version, VersionState.DROPPED, *others)
            for table in (DocumentState, IndexSegment):
                await connection.execute(delete(table).where(table.version_id == version_id))
            async with as_owner(connection):
                await (await driver_of(connection)).execute(drop_tables(version_id))

    async def drop_store(self, tenant: str, store: str) -> None:
        """Delete a store with its documents and all its versions."""
        async with tenant_transaction(self._engine, tenant) as connection:
            await require_store(connection, store)
            versions = await lock_versions(connection, store)
            await connection.execute(delete(IndexVersionRow).where(IndexVersionRow.store_id == store))
            await connection.execute(delete(VectorStore).where(VectorStore.id == store))
            async with as_owner(connection):
                for version in versions:
                    await (await driver_of(connection)).execute(drop_tables(version))


async def make_version(connection: AsyncConnection, tenant: str, store: str, spec: VersionSpec) -> IndexVersion:
    """A new version of a store that is there, within a tenant's transaction: `building`, with empty tables.

    Raises `PenstockError` (`invalid_request`) for vectors that no index can hold.
    """
    if not 1 <= spec.dimension <= LARGEST_DIMENSION:
        raise refused(f"an index holds vectors of 1 to {LARGEST_DIMENSION} dimensions, not {spec.dimension}")
    row = {name: getattr(spec, name) for name in VersionSpec.__slots__} | {"chunker": dict(spec.chunker)}
    statement = insert(IndexVersionRow).values(tenant_id=tenant, store_id=store, state=VersionState.BUILDING, **row)
    made = version_of((await connection.execute(statement.returning(*COLUMNS))).one())
    async with as_owner(connection):
        await (await driver_of(connection)).execute(create_tables(made.id, tenant, made.dimension))
    return made
