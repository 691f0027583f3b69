"""The segments of a version's postings: written, and merged before there are too many to read."""

from collections.abc import Mapping
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import Composed
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from infra.index import staging
from infra.index.binary_copy import binaries, fixed, same, texts
from infra.index.postings import Segment, merge
from infra.index.staging import copy_into
from infra.index.tables import IndexSegment, IndexVersionRow
from infra.index.tiers import segments_to_merge
from infra.index.transaction import Driver, driver_of, tenant_transaction
from infra.index.version import IndexVersion, find_version
from infra.index.version_tables import about, postings_table

_AT_ONCE = 64 * 1024 * 1024
"""Bytes of postings that a merge holds in memory, about."""
_JOIN: LiteralString = """
    WITH taken AS (DELETE FROM {postings} WHERE segment = ANY(%s) RETURNING segment, term, entries)
    INSERT INTO {postings} (segment, tenant_id, term, entries)
    SELECT %s, %s, term, string_agg(entries, ''::bytea ORDER BY segment) FROM taken GROUP BY term
"""
_TAKE: LiteralString = (
    "DELETE FROM {postings} WHERE segment = ANY(%s) AND abs(hashtext(term)::bigint) %% %s = %s RETURNING term, entries"
)
_MERGING = 7_306_512
"""The first half of an advisory lock, the version's number being the second."""


async def put_segment(
    connection: AsyncConnection, version: IndexVersion, made: Segment, *, number: int, chunks: int
) -> None:
    """Add a segment of so many chunks, under a number that no other has."""
    row = {"version_id": version.id, "segment": number, "tenant_id": version.tenant_id, "chunks": chunks}
    await connection.execute(insert(IndexSegment).values(**row))
    await _put_rows(await driver_of(connection), version, made, number)


async def merge_segments(engine: AsyncEngine, version: IndexVersion, *, everything: bool = False) -> int:
    """Merge the segments that `segments_to_merge` chooses, or all. How many became one; 0 where there is nothing to do,
    or somebody else does it.

    Deleted chunks are forgotten on the way. Searches and writers go on meanwhile. Raises `PenstockError`.
    """
    async with tenant_transaction(engine, version.tenant_id) as connection:
        number = await _take_number(connection, version)
    async with tenant_transaction(engine, version.tenant_id) as connection:
        if not await connection.scalar(select(func.pg_try_advisory_xact_lock(_MERGING, version.id))):
            return 0
        current = await find_version(connection, version.id)
        chosen = await _choose(connection, current, everything=everything)
        if chosen:
            merge_rows = _join if current.posted == current.chunks else _sift
            left = await merge_rows(await driver_of(connection), version, chosen, number)
            await _replace(connection, version, chosen, number, left)
    return len(chosen)


async def _take_number(connection: AsyncConnection, version: IndexVersion) -> int:
    """A chunk's number that no chunk gets. In a transaction of its own: its lock would stop writers during a merge."""
    await find_version(connection, version.id)
    mine = update(IndexVersionRow).where(IndexVersionRow.id == version.id)
    taken = mine.values(next_id=IndexVersionRow.next_id + 1).returning(IndexVersionRow.next_id - 1)
    number: int = (await connection.execute(taken)).scalar_one()
    return number


async def _choose(connection: AsyncConnection, version: IndexVersion, *, everything: bool) -> dict[int, int]:
    """The chosen segments with the chunks that each was written with."""
    query = select(IndexSegment.segment, IndexSegment.chunks).where(IndexSegment.version_id == version.id)
    chunks = {row.segment: row.chunks for row in await connection.execute(query)}
    if everything:
        return chunks if len(chunks) > 1 or version.posted > version.chunks else {}
    return {segment: chunks[segment] for segment in segments_to_merge(chunks, version.chunks)}


async def _join(driver: Driver, version: IndexVersion, chosen: Mapping[int, int], number: int) -> int:
    """Make the rows of segments those of one, where no chunk was deleted: they never leave the database. How many
    chunks are left: all.
    """
    await driver.execute("SET LOCAL work_mem = '64MB'")
    await driver.execute(about(_JOIN, version.id), (sorted(chosen), number, version.tenant_id))
    return sum(chosen.values())


async def _sift(driver: Driver, version: IndexVersion, chosen: Mapping[int, int], number: int) -> int:
    """The same without the chunks that were deleted, in parts that fit in memory. How many chunks are left."""
    segments = sorted(chosen)
    (packed,) = await _row(driver, about("SELECT string_agg(int4send(id), '') FROM {chunks}", version.id))
    alive = np.frombuffer(packed or b"", ">i4")
    size = about("SELECT sum(octet_length(entries))::bigint FROM {postings} WHERE segment = ANY(%s)", version.id)
    (total,) = await _row(driver, size, segments)
    parts = 1 + (total or 0) // _AT_ONCE
    named: NDArray[np.int32] = np.zeros(0, np.int32)
    for part in range(parts):
        rows = await (await driver.execute(about(_TAKE, version.id), (segments, parts, part), binary=True)).fetchall()
        merged = merge(rows, alive)
        await _put_rows(driver, version, merged, number)
        named = np.union1d(named, merged.chunk_ids())
    return len(named)


async def _replace(
    connection: AsyncConnection, version: IndexVersion, chosen: Mapping[int, int], number: int, left: int
) -> None:
    of_version = IndexSegment.version_id == version.id
    await connection.execute(delete(IndexSegment).where(of_version, IndexSegment.segment.in_(chosen)))
    if left:
        row = {"version_id": version.id, "segment": number, "tenant_id": version.tenant_id, "chunks": left}
        await connection.execute(insert(IndexSegment).values(**row))
    mine = update(IndexVersionRow).where(IndexVersionRow.id == version.id)
    await connection.execute(mine.values(posted=IndexVersionRow.posted - sum(chosen.values()) + left))


async def _put_rows(driver: Driver, version: IndexVersion, made: Segment, number: int) -> None:
    numbers = np.full(len(made.terms), number, ">i8").view(np.uint8).reshape(-1, 8)
    columns = (fixed(numbers), same(version.tenant_id), texts(made.terms), binaries(made.entries))
    await copy_into(driver, postings_table(version.id), staging.POSTINGS, columns)


async def _row(driver: Driver, query: Composed, *parameters: object) -> tuple[Any, ...]:
    (row,) = await (await driver.execute(query, parameters, binary=True)).fetchall()
    return row
