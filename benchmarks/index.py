"""The index: `python -m benchmarks.index`. What a load costs, how long a hybrid search takes, and what it misses.

One PostgreSQL of our own on this machine, one process that writes and then searches: what the retrieval worker adds to
a search, without broker and HTTP. A second tenant holds a hundredth as many chunks.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.index_corpus import Corpus
from benchmarks.index_search import recall, timed
from benchmarks.machine import describe
from benchmarks.result import Percentiles
from infra.database.engine import create_engine, migrate
from infra.embedded.datadir import locked_data_directory
from infra.embedded.ports import free_ports
from infra.embedded.postgres import postgres_server
from infra.embedded.supervisor import Supervisor
from infra.index.documents import Documents
from infra.index.search import Searcher
from infra.index.tables import VectorStore
from infra.index.transaction import tenant_transaction
from infra.index.upkeep import finish_bulk
from infra.index.version import IndexVersion
from infra.index.versions import IndexVersions
from infra.index.writer import write_documents
from infra.settings import Settings

STORE = "vs_benchmark"
LARGE, SMALL = "large", "small"
_IN_FLIGHT = (1, 8)
_SHARES = (50, 20, 10, 5, 1)
_MIB = 1024 * 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index", description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=2000, help="chunks that are written at once")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@asynccontextmanager
async def database_of_our_own(home: Path) -> AsyncIterator[Settings]:
    """A migrated PostgreSQL in `home`."""
    with locked_data_directory(home / "data") as data:
        supervisor = Supervisor(data.logs, print)
        postgres = await postgres_server(data, free_ports(1)[0], {"PATH": os.environ["PATH"]}, print)
        await supervisor.start([postgres.process])
        settings = Settings(database_url=postgres.url)  # type: ignore[arg-type]
        try:
            await asyncio.to_thread(migrate, settings)
            yield settings
        finally:
            await supervisor.stop()


async def load(engine: AsyncEngine, tenant: str, corpus: Corpus, batch: int) -> IndexVersion:
    """Fill a version, build what belongs to it, let it go live. Prints what each part took."""
    async with tenant_transaction(engine, tenant) as connection:
        await connection.execute(insert(VectorStore).values(tenant_id=tenant, id=STORE))
    version = await IndexVersions(engine).create(tenant, STORE, corpus.spec)
    registering = writing = 0.0
    for submissions, documents in corpus.batches(batch):
        begun = time.perf_counter()
        await Documents(engine).register(tenant, STORE, submissions)
        registered = time.perf_counter()
        await write_documents(engine, version, documents)
        registering, writing = registering + registered - begun, writing + time.perf_counter() - registered
    begun = time.perf_counter()
    version = await finish_bulk(engine, version)
    finishing = time.perf_counter() - begun
    await IndexVersions(engine).switch(tenant, version.id)
    size = (await IndexVersions(engine).statistics(tenant, version.id)).bytes / _MIB
    chunks = len(corpus.vectors)
    print(
        f"| {chunks:,} | {registering:.1f} | {writing:.1f} | {chunks / writing:,.0f} | {finishing:.1f} "
        f"| {version.graph_effort or 'no graph'} | {size:,.0f} |"
    )
    return version


async def search(engine: AsyncEngine, corpora: dict[str, Corpus], options: argparse.Namespace) -> None:
    """Print the tables of latency and recall."""
    searcher = Searcher(engine)
    queries = {tenant: corpus.queries(options.queries) for tenant, corpus in corpora.items()}
    print("\n| chunks | in flight | round | p50 ms | p99 ms | searches/s |\n|---:|---:|---:|---:|---:|---:|")
    for number in range(1, options.rounds + 1):
        for tenant, corpus in corpora.items():
            for in_flight in _IN_FLIGHT:
                taken, rate = await timed(searcher, (tenant, STORE), queries[tenant], in_flight)
                each = Percentiles.of(taken)
                row = f"{len(corpus.vectors):,} | {in_flight} | {number}"
                print(f"| {row} | {each.p50:.2f} | {each.p99:.2f} | {rate:,.0f} |")
    print("\n| chunks | filter passes | recall@10 | vector leg, p50 ms | p99 ms |\n|---:|---:|---:|---:|---:|")
    for tenant, corpus in corpora.items():
        for percent in (100, *(_SHARES if tenant == LARGE else ())):
            found, taken = await recall(searcher, (tenant, STORE), corpus, queries[tenant][:200], percent)
            each = Percentiles.of(taken)
            print(f"| {len(corpus.vectors):,} | {percent} % | {found:.3f} | {each.p50:.2f} | {each.p99:.2f} |")


async def measure(settings: Settings, options: argparse.Namespace) -> None:
    """Print all tables."""
    corpora = {LARGE: Corpus(options.chunks, options.seed), SMALL: Corpus(options.chunks // 100, options.seed + 1)}
    engine = create_engine(settings, pool_size=max(_IN_FLIGHT))
    try:
        print("\n| chunks | registered, s | written, s | chunks/s | merged and graph built, s | effort | MiB |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for tenant, corpus in corpora.items():
            await load(engine, tenant, corpus, options.batch)
        await search(engine, corpora, options)
    finally:
        await engine.dispose()


async def run(options: argparse.Namespace, home: Path) -> None:
    """Measure in a thread of its own: uvloop, which the workers run on, can't start a server as another user."""
    print("\n".join(f"- {name}: {value}" for name, value in (describe() | {"seed": str(options.seed)}).items()))
    async with database_of_our_own(home) as settings:
        await asyncio.to_thread(uvloop.run, measure(settings, options))


def main() -> None:
    """Run it all in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as home:
        Path(home).chmod(0o711)  # root lends the server another user, who has to get in
        asyncio.run(run(_arguments(), Path(home)))


if __name__ == "__main__":
    main()
