"""The real servers of a test session, each on a free port and on data of its own."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from infra.embedded.datadir import DataDirectory, locked_data_directory
from infra.embedded.errors import ChildStartError
from infra.embedded.nats import nats_server, nats_url
from infra.embedded.ports import free_ports
from infra.embedded.postgres import postgres_server
from infra.embedded.process import ChildSpec
from infra.embedded.supervisor import Supervisor
from infra.nats_auth.files import NatsAuthFiles
from infra.nats_auth.generate import generate
from tests.support import containers
from tests.support.homes import home_directory

T = TypeVar("T")
Describe = Callable[[DataDirectory, int], Awaitable[tuple[ChildSpec, str]]]
"""From a place for its files and a port to the process and the URL that it will have."""
_ENVIRON = {"PATH": os.environ["PATH"]}
_TRIES = 3
_PATIENCE = 60.0


class LoopThread:
    """An event loop that outlives those of the tests. A child process dies with the thread that started it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end, from any other thread."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(_PATIENCE)

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()


class Server:
    """A server that runs: its URL, and its process for those who want to see it die. It is started again by itself."""

    def __init__(self, name: str, url: str, supervisor: Supervisor | None) -> None:
        self.url = url
        self._name = name
        self._supervisor = supervisor

    @property
    def pid(self) -> int | None:
        """None while it is down, and for one in a container."""
        return self._supervisor.pids.get(self._name) if self._supervisor is not None else None


@contextmanager
def running_nats() -> Iterator[Server]:
    """A nats-server with JetStream, ended at the end whatever happened."""
    if containers.wanted():
        with containers.nats_container() as url:
            yield Server("nats", url, None)
        return

    async def describe(data: DataDirectory, port: int) -> tuple[ChildSpec, str]:
        return nats_server(data, port, _ENVIRON), nats_url(port)

    with running_child(describe) as server:
        yield server


@contextmanager
def running_private_nats() -> Iterator[tuple[Server, NatsAuthFiles]]:
    """The same with accounts: who connects has to have credentials; those of Penstock's own processes lie there."""
    files: list[NatsAuthFiles] = []

    async def describe(data: DataDirectory, port: int) -> tuple[ChildSpec, str]:
        generate(data.nats_auth)
        files.append(data.nats_auth)
        return nats_server(data, port, _ENVIRON, data.nats_auth), nats_url(port)

    with running_child(describe) as server:
        yield server, files[-1]


@contextmanager
def running_postgres() -> Iterator[Server]:
    """A PostgreSQL with an empty database, ended at the end whatever happened."""
    if containers.wanted():
        with containers.postgres_container() as url:
            yield Server("postgres", url, None)
        return

    async def describe(data: DataDirectory, port: int) -> tuple[ChildSpec, str]:
        postgres = await postgres_server(data, port, _ENVIRON, lambda _: None)
        return postgres.process, postgres.url

    with running_child(describe) as server:
        yield server


@contextmanager
def running_child(describe: Describe) -> Iterator[Server]:
    """A server that `describe` describes for a port; it dies with us, however we end."""
    with home_directory() as home:
        thread = LoopThread()
        try:
            with locked_data_directory(home / "data") as data:
                server, supervisor = thread.run(_start(describe, data))
                try:
                    yield server
                finally:
                    thread.run(supervisor.stop())
        finally:
            thread.close()


async def _start(describe: Describe, data: DataDirectory) -> tuple[Server, Supervisor]:
    """A port that was free a moment ago may be another test process's by now: then another is tried."""
    for left in reversed(range(_TRIES)):
        spec, url = await describe(data, free_ports(1)[0])
        supervisor = Supervisor(data.logs, lambda _: None)
        try:
            await supervisor.start([spec])
        except ChildStartError:
            await supervisor.stop()
            if not left:
                raise
        else:
            return Server(spec.name, url, supervisor), supervisor
    raise AssertionError("unreachable")
