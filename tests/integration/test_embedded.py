"""The embedded servers: real NATS and PostgreSQL on a data directory, and what can be wrong with one."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infra.embedded.datadir import DataDirectory, locked_data_directory
from infra.embedded.errors import ChildStartError, DataDirectoryError
from infra.embedded.leftovers import command_line, stop_leftovers
from infra.embedded.nats import nats_server, nats_url
from infra.embedded.ports import free_ports
from infra.embedded.postgres import Postgres, postgres_server
from infra.embedded.process import ChildSpec, spawn
from infra.embedded.supervisor import Supervisor
from tests.support.homes import home_directory

ENVIRON = {"PATH": os.environ["PATH"]}


@pytest.fixture
def data() -> Iterator[DataDirectory]:
    with home_directory() as home, locked_data_directory(home / "data") as data:
        yield data


class Servers:
    """Both servers on a data directory, and what was said about them."""

    def __init__(self, data: DataDirectory, nats_url: str, postgres_url: str, said: list[str]) -> None:
        self.supervisor = Supervisor(data.logs, said.append)
        self.nats_url, self.postgres_url, self.said = nats_url, postgres_url, said

    async def rows(self, *statements: str) -> list[tuple[object, ...]]:
        """What the last of the statements answers, each committed on its own."""
        async with await psycopg.AsyncConnection.connect(self.postgres_url, autocommit=True) as connection:
            for statement in statements[:-1]:
                await connection.execute(statement.encode())
            return await (await connection.execute(statements[-1].encode())).fetchall()


async def specs(data: DataDirectory, said: list[str]) -> tuple[ChildSpec, Postgres, int]:
    nats_port, postgres_port = free_ports(2)
    postgres = await postgres_server(data, postgres_port, ENVIRON, said.append)
    return nats_server(data, nats_port, ENVIRON), postgres, nats_port


@asynccontextmanager
async def running(data: DataDirectory) -> AsyncIterator[Servers]:
    said: list[str] = []
    broker, postgres, nats_port = await specs(data, said)
    servers = Servers(data, nats_url(nats_port), postgres.url, said)
    try:
        await servers.supervisor.start([broker, postgres.process])
        yield servers
    finally:
        await servers.supervisor.stop()


async def until(true: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


# The servers


async def test_a_second_start_finds_its_rows_and_messages(data: DataDirectory) -> None:
    async with running(data) as first:
        await first.rows("CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('row') RETURNING word")
        client = await nats.connect(first.nats_url)
        await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await client.jetstream().publish("kept", b"message")
        await client.close()
    async with running(data) as second:
        assert second.postgres_url.split("@")[0] == first.postgres_url.split("@")[0], "the password changed"
        assert await second.rows("SELECT word FROM kept") == [("row",)]
        client = await nats.connect(second.nats_url)
        assert (await client.jetstream().get_msg("KEPT", seq=1)).data == b"message"
        await client.close()


async def test_postgres_has_vectors_and_knows_its_letters(data: DataDirectory) -> None:
    async with running(data) as servers:
        assert await servers.rows("CREATE EXTENSION vector", "SELECT ('[1,2]'::halfvec <-> '[1,3]')::float8") == [
            (1.0,)
        ]
        assert await servers.rows("SELECT lower('ÜBER'), current_setting('server_encoding')") == [("über", "UTF8")]


async def test_postgres_wants_the_password(data: DataDirectory) -> None:
    async with running(data) as servers:
        password = str(conninfo_to_dict(servers.postgres_url)["password"])
        assert data.postgres_password.read_text() == password
        assert data.postgres_password.stat().st_mode & 0o777 == 0o600
        wrong = servers.postgres_url.replace(password, "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await psycopg.AsyncConnection.connect(wrong)
    assert not any(password in part for part in (await specs(data, []))[1].process.argv)


async def test_nats_takes_messages_of_eight_megabytes(data: DataDirectory) -> None:
    async with running(data) as servers:
        client = await nats.connect(servers.nats_url)
        assert client.max_payload == 8 * 1024 * 1024
        await client.close()


@pytest.mark.parametrize("name", ["nats", "postgres"])
async def test_a_killed_server_is_back_with_its_data(data: DataDirectory, name: str) -> None:
    async with running(data) as servers:
        await servers.rows("CREATE TABLE kept (word text)", "INSERT INTO kept VALUES ('row') RETURNING word")
        os.kill(servers.supervisor.pids[name], signal.SIGKILL)
        await until(lambda: bool(servers.said))
        assert "was killed by SIGKILL; started again as process" in servers.said[0]
        client = await nats.connect(servers.nats_url, max_reconnect_attempts=50, reconnect_time_wait=0.1)
        await client.close()
        assert await _retried(lambda: servers.rows("SELECT word FROM kept")) == [("row",)]


async def _retried(query: Callable[[], object], within: float = 10.0) -> object:
    deadline = time.monotonic() + within
    while True:
        try:
            return await query()  # type: ignore[misc]
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


# The data directory


async def test_an_interrupted_first_start_does_not_matter(data: DataDirectory) -> None:
    unfinished = data.path / "postgres.new-abc"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    (data.path / "initdb.password").write_text("half")
    data.postgres_password.write_text("of the interrupted one")
    async with running(data) as servers:
        assert await servers.rows("SELECT 1") == [(1,)]
    assert not unfinished.exists()
    assert not (data.path / "initdb.password").exists()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"postgres/PG_VERSION": "16\n"}, "postgres holds PostgreSQL 16, and PostgreSQL 18 is needed"),
        ({"postgres/other": ""}, "postgres holds no database that PostgreSQL could start"),
        ({"postgres/PG_VERSION": "18\n"}, "postgres.password is missing, without which"),
    ],
)
async def test_damaged_files_get_one_sentence(data: DataDirectory, files: dict[str, str], sentence: str) -> None:
    for name, text in files.items():
        (data.path / name).parent.mkdir(exist_ok=True)
        (data.path / name).write_text(text)
    with pytest.raises(DataDirectoryError) as raised:
        await specs(data, [])
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_another_databases_password_gets_one_sentence(data: DataDirectory) -> None:
    async with running(data):
        pass
    data.postgres_password.write_text("another")
    with pytest.raises(DataDirectoryError, match=r"postgres\.password does not hold the password of the database"):
        async with running(data):
            pass


async def test_a_database_that_cannot_start_says_why(data: DataDirectory) -> None:
    async with running(data):
        pass
    (data.postgres / "global" / "pg_control").unlink()
    with pytest.raises(ChildStartError, match=r"postgres exited with code \d before it was ready: .*could not open"):
        async with running(data):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as ourselves")
async def test_root_opens_the_way_for_postgres_and_says_so() -> None:
    with tempfile.TemporaryDirectory(prefix="penstock-") as closed:
        with locked_data_directory(Path(closed) / "data") as data:
            async with running(data) as servers:
                assert servers.said == [f"other users may now pass through {closed}: PostgreSQL does not run as root"]
        assert os.stat(closed).st_mode & 0o777 == 0o701  # noqa: PTH116


# What a killed supervisor left


@pytest.mark.parametrize("name", ["nats", "postgres"])
async def test_a_server_left_over_is_stopped_first(data: DataDirectory, name: str) -> None:
    async with running(data):
        pass
    orphan = await _start_orphan(data, name)
    said: list[str] = []
    await stop_leftovers(data, said.append)
    await asyncio.wait_for(orphan.wait(), 10)
    assert said == [f"stopped {name} (process {orphan.pid}), left over from a supervisor that was killed"]
    async with running(data) as servers:
        assert await servers.rows("SELECT 1") == [(1,)]


async def _start_orphan(data: DataDirectory, name: str) -> Process:
    broker, postgres, _ = await specs(data, [])
    spec = {"nats": broker, "postgres": postgres.process}[name]
    orphan = await spawn(spec, data.logs / "orphan.log")
    assert spec.ready is not None
    async with asyncio.timeout(20):
        while not await spec.ready():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return orphan


async def test_a_process_that_only_has_the_number_of_a_dead_server_is_left_alone(data: DataDirectory) -> None:
    other = subprocess.Popen(["sleep", "60"])  # noqa: ASYNC220
    try:
        (data.nats / "nats.pid").write_text(str(other.pid))
        said: list[str] = []
        await stop_leftovers(data, said.append)
        assert not said
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert command_line(other.pid) == ""
