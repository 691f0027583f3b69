"""The HNSW graph of a version: built after its bulk load, because a row put into one costs a hundred times as much."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.index.found import recall
from infra.index.queries import ENTER
from infra.index.scan import EFFORTS, EXACT, Scan, is_large
from infra.index.search import Searcher
from infra.index.tables import IndexVersionRow
from infra.index.transaction import Driver, outside_transactions, tenant_transaction
from infra.index.version import IndexVersion, find_version
from infra.index.version_tables import about, graph_name

_BUILDING = 7_306_513
"""The first half of an advisory lock, the version's number being the second."""
_MIB = 1024 * 1024
_MEMORY = (64 * _MIB, 1024 * _MIB)
_CONSTRUCTION = 128
"""Twice pgvector's, and up to twice as long to build. Of what is near a question of six words, among 100,000 chunks of
1,000 topics, an effort of 100 then finds .968 in 1.3 ms of CPU; in pgvector's graph .85, and 250 finds .95 in 2 ms.
"""
_NODE = 800
"""Bytes that a node of the graph takes besides its vector, roughly."""
_PROBES, _NEAREST, _AMONG, _ENOUGH = 40, 10, 4, 0.9
"""Queries that the graph is tuned with, what each is to find, the chunks that each lies between, and the share that is
enough. A chunk itself is too easy to find, and a place between four is harder to find than a question: where .905 of
what is near such places was found, it was .968 for questions; and .983 where it was .965 (as above).
"""
_STATE = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


async def build_graph(engine: AsyncEngine, version: IndexVersion) -> bool:
    """Build the graph, where there are more chunks than are searched exactly and no graph yet. Whether it was built.

    Takes 0.6 to 0.9 s a thousand chunks, on one core. Searches and writers go on meanwhile. Raises `PenstockError`.
    """
    async with tenant_transaction(engine, version.tenant_id) as connection:
        current = await find_version(connection, version.id)
    if current.graph_effort is not None or not is_large(current.chunks):
        return False
    async with outside_transactions(engine) as driver:
        if not await _build_alone(driver, current):
            return False
    await tune_graph(engine, version)
    return True


async def tune_graph(engine: AsyncEngine, version: IndexVersion) -> int:
    """Find the least effort that finds what an exact search finds, for queries between chunks; searches use it from now
    on. How much is enough depends on the vectors, so it is measured. Raises `PenstockError`.
    """
    async with Searcher(engine).version(version.tenant_id, version.id) as search:
        probes = _between(await search.some_vectors(_PROBES * _AMONG))
        truth = [await search.search_vectors(probe, _NEAREST, by=EXACT) for probe in probes]
        for effort in EFFORTS:
            found = [await search.search_vectors(probe, _NEAREST, by=Scan(effort)) for probe in probes]
            if recall(found, truth) >= _ENOUGH:
                break
    async with tenant_transaction(engine, version.tenant_id) as connection:
        mine = update(IndexVersionRow).where(IndexVersionRow.id == version.id)
        await connection.execute(mine.values(graph_effort=effort, graph_chunks=search.version.chunks))
    return effort


def _between(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of `_AMONG` vectors each, of (count, dimension); all of them as they are where there are fewer."""
    count = len(vectors) // _AMONG
    return vectors[: count * _AMONG].reshape(_AMONG, count, -1).mean(axis=0) if count else vectors


async def _build_alone(driver: Driver, version: IndexVersion) -> bool:
    """False where somebody else is at it. A waiter would be waited for in turn, so nobody waits."""
    key = (_BUILDING, version.id)
    rows = await (await driver.execute("SELECT pg_try_advisory_lock(%s, %s::integer)", key)).fetchall()
    if rows != [(True,)]:
        return False
    try:
        if await _in_use(driver, version):
            return False
        await _build(driver, version)
        await _use(driver, version)
    finally:
        await driver.execute("SELECT pg_advisory_unlock(%s, %s::integer)", key)
    return True


async def _in_use(driver: Driver, version: IndexVersion) -> bool:
    async with driver.transaction():
        await driver.execute(ENTER, (version.tenant_id,))
        query = "SELECT graph_effort FROM index_versions WHERE id = %s"
        return await (await driver.execute(query, (version.id,))).fetchall() != [(None,)]


async def _use(driver: Driver, version: IndexVersion) -> None:
    """With more effort than it may need, until it is tuned; tuned for no chunks, it is due as soon as anybody looks."""
    async with driver.transaction():
        await driver.execute(ENTER, (version.tenant_id,))
        query = "UPDATE index_versions SET graph_effort = %s, graph_chunks = 0 WHERE id = %s"
        await driver.execute(query, (EFFORTS[-1], version.id))


async def _build(driver: Driver, version: IndexVersion) -> None:
    rows = await (await driver.execute(_STATE, (graph_name(version.id),))).fetchall()
    if rows == [(True,)]:
        return
    # What an interrupted build left behind is there by name, but not valid.
    await driver.execute(about("DROP INDEX IF EXISTS {graph}", version.id))
    low, high = _MEMORY
    memory = min(high, max(low, version.chunks * (2 * version.dimension + _NODE) * 5 // 4))
    settings = {"maintenance_work_mem": f"{memory // 1024}kB", "max_parallel_maintenance_workers": "0"}
    try:
        for name, value in settings.items():
            await driver.execute("SELECT set_config(%s, %s, false)", (name, value))
        build = (
            "CREATE INDEX CONCURRENTLY {graph} ON {chunks} USING hnsw (embedding halfvec_cosine_ops) "
            f"WITH (ef_construction = {_CONSTRUCTION})"
        )
        await driver.execute(about(build, version.id))
    finally:
        await driver.execute("RESET maintenance_work_mem; RESET max_parallel_maintenance_workers")
