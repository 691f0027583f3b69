"""Fixtures that every test may use: real servers, one of each for a test process, their state new for each test.

Servers start when the first test asks for them. A test that asks for `pipeline` has streams and consumers that hold
nothing; one that asks for `database` has tables without rows.
"""

import gc
import logging
import os
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import nats
import pytest

from infra.database.engine import migrate
from infra.settings import Settings
from tests.support.database import Database, OneConnection, make_cheap
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.servers import Server, running_nats, running_postgres
from tests.support.simulator import Simulator, running_simulator, write_catalog
from tests.support.spans import SpanCollector, running_collector
from tests.support.workers import RunningWorkers, StartWorkers, running_workers

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.support.shares import Shares


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "Shares":
    """Which process of tests gets which; only xdist asks, and it alone is to load it."""
    from tests.support.shares import Shares

    return Shares(config, log)


def pytest_configure() -> None:
    """One process of tests has work for its core as it is, like each of Penstock's (`infra.runtime`)."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays until the end, and the collector need not look at it again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """A process sets up its logging as it starts, the command line too: no test is to log as the one before it did."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[Server]:
    """NATS with JetStream. What it holds is the last test's: ask for `pipeline` to have it empty."""
    with running_nats() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """PostgreSQL, migrated. What it holds is the last test's: ask for `database` to have it empty."""
    with running_postgres() as server:
        make_cheap(server.url)
        migrate(Settings(database_url=server.url))  # type: ignore[arg-type]
        yield server


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[Simulator]:
    """The model simulator. Its counts are the last test's: ask for `simulator` to have them at 0."""
    with running_simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    """The model simulator, its counts at 0."""
    simulator_process.reset()
    return simulator_process


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """A catalogue whose providers are the simulator; see `tests.support.simulator.write_catalog`."""
    return write_catalog(tmp_path / "catalog.yaml", simulator)


@pytest.fixture(scope="session")
def database_connection(postgres_server: Server) -> Iterator[OneConnection]:
    """What empties the database before each test that asks for it, and looks into it."""
    with OneConnection(postgres_server.url) as connection:
        yield connection


@pytest.fixture
def database(postgres_server: Server, database_connection: OneConnection) -> Database:
    """A migrated database without rows."""
    database_connection.empty()
    return Database(postgres_server.url, database_connection)


@pytest.fixture
def settings(nats_server: Server, database: Database, catalog: Path) -> Settings:
    """Settings for all servers, with short waits. Others: `settings.model_copy(update={...})`."""
    return Settings(
        nats_url=nats_server.url,  # type: ignore[arg-type]
        database_url=database.url,  # type: ignore[arg-type]
        catalog=catalog,
        ack_wait=1,
        max_deliveries=3,
        request_timeout=30,
        drain_timeout=5,
        ledger_linger=0.01,
    )


@pytest.fixture
async def pipeline(settings: Settings) -> AsyncIterator[Pipeline]:
    """Streams and consumers as `settings` wants them, holding nothing."""
    client = await nats.connect(settings.nats_url.unicode_string())
    try:
        pipeline = Pipeline(client, settings)
        await pipeline.start_afresh()
        yield pipeline
    finally:
        await client.close()


@pytest.fixture
def provisioned(pipeline: Pipeline, settings: Settings) -> Settings:
    """The settings of a pipeline that is provisioned and empty."""
    return settings


@pytest.fixture
def log() -> RecordedLog:
    """Takes what the code under test logs."""
    return RecordedLog()


@pytest.fixture
def workers(pipeline: Pipeline, log: RecordedLog) -> StartWorkers:
    """Starts worker processes within the test's own."""

    def start(*names: str) -> AbstractAsyncContextManager[RunningWorkers]:
        return running_workers(names, pipeline.settings, log.logger)

    return start


@pytest.fixture
def span_collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpanCollector]:
    """Collects the spans of every process that starts from now on; each exports within 50 ms."""
    with running_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield collector
