"""What a version needs after it has been written to: fewer segments, a graph, statistics for the planner."""

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.index.graph import build_graph, tune_graph
from infra.index.segments import merge_segments
from infra.index.transaction import outside_transactions, tenant_transaction
from infra.index.version import IndexVersion, VersionState, find_version
from infra.index.version_tables import about


async def finish_bulk(engine: AsyncEngine, version: IndexVersion) -> IndexVersion:
    """After a bulk load: one segment, a graph where there are many chunks, and statistics for the planner.

    The version as it is then. Writers and searches may go on meanwhile; those of a version that is being built wait a
    little at the end. Raises `PenstockError`.
    """
    await merge_segments(engine, version, everything=True)
    await build_graph(engine, version)
    async with tenant_transaction(engine, version.tenant_id) as connection:
        current = await find_version(connection, version.id)
    async with outside_transactions(engine) as driver:
        await driver.execute("ANALYZE documents, document_states")
        await driver.execute(about("VACUUM (ANALYZE) {chunks}", version.id))
        # The merge left as much dead as it wrote. Only while nobody searches is there time to give that back.
        if current.state == VersionState.BUILDING:
            await driver.execute(about("VACUUM (FULL, ANALYZE) {postings}", version.id))
        else:
            await driver.execute(about("VACUUM (ANALYZE) {postings}", version.id))
    return current


async def maintain(engine: AsyncEngine, version: IndexVersion) -> None:
    """After some writes to a version that is searched: merge what is due, build the graph once there are many chunks,
    tune it again when they have doubled. Cheap where nothing is to do. Raises `PenstockError`.
    """
    await merge_segments(engine, version)
    await build_graph(engine, version)
    async with tenant_transaction(engine, version.tenant_id) as connection:
        current = await find_version(connection, version.id)
    if current.graph_chunks is not None and current.chunks > 2 * current.graph_chunks:
        await tune_graph(engine, version)
