"""A running platform as tests see it: its addresses, its books, its logs, and clients that talk to it."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import nats
import psycopg
from nats.aio.client import Client
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from psycopg.rows import dict_row

from contracts import subjects
from infra.embedded.datadir import DataDirectory
from infra.nats_auth.files import NatsAuthFiles
from tests.e2e.waiting import until
from tests.support import forks

PENSTOCK = str(Path(sys.executable).with_name("penstock"))
STARTS_WITHIN, STOPS_WITHIN = 90.0, 40.0
Process = subprocess.Popen[bytes] | forks.Forked
_OURS = ("PENSTOCK_", "OTEL_", "OPENAI_", "ANTHROPIC_")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def clean_environ(**more: str) -> dict[str, str]:
    """Our environment without what would change how Penstock runs; no Ollama is found in it either.

    All tests ask from one address, and some with keys that nobody has: those must not keep out the others.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {"OLLAMA_HOST": "127.0.0.1:1", "PENSTOCK_FAILED_LOGINS": "10000"} | more


def spawn(*argv: str, environ: dict[str, str], output: Path) -> "subprocess.Popen[bytes]":
    """Start a process of the platform in a session of its own; it ends with us, however we end (Linux)."""
    with output.open("ab") as file:
        return subprocess.Popen(
            argv,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent(),  # noqa: PLW1509 - one system call, looked up before the fork
        )


def _end_with_parent() -> Callable[[], object] | None:
    if sys.platform != "linux":
        return None
    return partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, int(signal.SIGTERM))


class Up:
    """`penstock up` on one home directory, as often as it is started.

    `from_nothing`: each process of the next start is an interpreter that starts, as a shell starts it.
    """

    def __init__(self, home: Path, *, from_nothing: bool = False, **environ: str) -> None:
        self.home = home
        self.ready_file, self.output, self.data = home / "ready.json", home / "output", home / "data"
        self._environ = clean_environ(**environ)
        self.from_nothing = from_nothing
        self.process: Process | None = None

    def start(self, *flags: str) -> dict[str, Any]:
        """Wait until it is ready; what its ready file says."""
        process = self._begin(*flags)
        until(lambda: self.ready_file.exists() or process.poll() is not None, "the ready file", STARTS_WITHIN)
        assert process.poll() is None, self.output.read_text()
        return self.told()

    def fails(self, *flags: str, **environ: str) -> int:
        """Wait until it has given up; the exit code."""
        return self._begin(*flags, **environ).wait(STARTS_WITHIN)

    def _begin(self, *flags: str, **environ: str) -> Process:
        ports = [f"--{name}=0" for name in ("port", "nats-port", "postgres-port", "simulator-port")]
        paths = [f"--data-dir={self.data}", f"--ready-file={self.ready_file}"]
        command = ("up", *ports, *paths, *flags)
        if self.from_nothing:
            self.process = spawn(PENSTOCK, *command, environ=self._environ | environ, output=self.output)
        else:
            self.process = forks.start(command, self._environ | environ, self.output)
        return self.process

    def told(self) -> dict[str, Any]:
        """What the ready file says now."""
        told: dict[str, Any] = json.loads(self.ready_file.read_text())
        return told

    def pid(self, child: str) -> int:
        """The process id of a child, by its name."""
        return int(self.told()["pids"][child])

    def stop(self) -> int:
        """Ctrl-C, as a terminal sends it: to the whole foreground group. The exit code."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOPS_WITHIN)

    def end(self) -> None:
        """Whatever state it is in, it runs no more after this."""
        if self.process is None or self.process.poll() is not None:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            # The second Ctrl-C kills all children; the supervisor itself then has nothing left to wait for.
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOPS_WITHIN)


@dataclass(frozen=True, slots=True)
class Penstock:
    """A platform that answers. `key` is an API key of the tenant `default`.

    Clients of it verify no certificate, as there is none: to read those that the system trusts takes 20 ms a client.
    """

    api: str
    nats: str
    database: str
    simulator: str
    key: str
    logs: Path
    nats_auth: NatsAuthFiles | None = None
    """None for a NATS without accounts."""

    @property
    def base_url(self) -> str:
        """What an OpenAI client is given."""
        return f"{self.api}/v1"

    def client(self, key: str | None = None) -> OpenAI:
        """The official client; no retries of its own, so that a test sees each answer."""
        http_client = DefaultHttpxClient(verify=False, timeout=30)
        return OpenAI(base_url=self.base_url, api_key=key or self.key, max_retries=0, http_client=http_client)

    def async_client(self, key: str | None = None) -> AsyncOpenAI:
        """The official asynchronous client."""
        http_client = DefaultAsyncHttpxClient(verify=False, timeout=30)
        return AsyncOpenAI(base_url=self.base_url, api_key=key or self.key, max_retries=0, http_client=http_client)

    def get(self, path: str) -> httpx2.Response:
        """GET without a key."""
        return httpx2.get(self.api + path, timeout=10, verify=False)

    async def connect(self) -> Client:
        """A stock NATS client that may do what Penstock's own processes may."""
        creds = {} if self.nats_auth is None else {"user_credentials": str(self.nats_auth.service_creds)}
        return await nats.connect(self.nats, **creds)

    @property
    def environ(self) -> dict[str, str]:
        """What a `penstock` command is told to find this platform, whichever way it goes."""
        urls = {"PENSTOCK_NATS_URL": self.nats, "PENSTOCK_DATABASE_URL": self.database}
        if self.nats_auth is not None:
            urls["PENSTOCK_NATS_CREDS"] = str(self.nats_auth.service_creds)
            urls["PENSTOCK_NATS_OPERATOR"] = str(self.nats_auth.operator_seed)
        over_http = {"PENSTOCK_BASE_URL": self.base_url, "PENSTOCK_API_KEY": self.key}
        return clean_environ(**urls, **over_http, COLUMNS="400")

    def run(
        self, *arguments: str, given: str | None = None, key: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """A `penstock` command against this platform, run to its end; `given` is its standard input, `key` whose it is,
        where that is not the first tenant's.
        """
        return forks.run(arguments, self.environ | ({"PENSTOCK_API_KEY": key} if key else {}), given)

    def create_key(self, tenant: str, *scopes: str) -> str:
        """A new key, made as an operator makes one."""
        done = self.run("key", "create", "--tenant", tenant, *(f"--scope={scope}" for scope in scopes))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def simulator_stats(self) -> dict[str, Any]:
        """What the simulator counted."""
        stats: dict[str, Any] = httpx2.get(f"{self.simulator}/stats", timeout=10, verify=False).json()
        return stats

    def reset_simulator_stats(self) -> None:
        """Start the simulator's counts anew."""
        httpx2.delete(f"{self.simulator}/stats", timeout=10, verify=False).raise_for_status()

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run one statement; its rows."""
        with psycopg.connect(self.database, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def ledger(self, request_id: str, rows: int = 1) -> list[dict[str, Any]]:
        """The rows of a request by attempt, once there are at least that many."""
        query = "SELECT * FROM usage WHERE request_id = %s ORDER BY attempt"

        def there() -> list[dict[str, Any]] | None:
            found = self.sql(query, request_id)
            return found if len(found) >= rows else None

        return until(there, f"{rows} ledger rows of {request_id}")

    async def terminals(self, tenant: str, request_id: str, lane: str = "interactive") -> dict[str, int]:
        """How many terminal messages of a request are stored, by event (`completed`, `failed`)."""
        stream = "RESULTS" if lane == "interactive" else "RESULTS_ASYNC"
        client = await self.connect()
        try:
            info = await client.jetstream().stream_info(stream, subjects.terminal(lane, tenant, request_id))
        finally:
            await client.close()
        return {subject.split(".")[3]: count for subject, count in (info.state.subjects or {}).items()}

    async def failure(self, tenant: str, request_id: str) -> dict[str, Any]:
        """The body of a request's stored `failed` in the interactive lane."""
        client = await self.connect()
        try:
            found = await client.jetstream().get_last_msg("RESULTS", subjects.failed("interactive", tenant, request_id))
        finally:
            await client.close()
        body: dict[str, Any] = json.loads(found.data or b"")
        return body

    def log_lines(self, name: str) -> list[str]:
        """The lines that a process has logged so far; one that is being written is not among them."""
        whole = (self.logs / f"{name}.log").read_text().rpartition("\n")[0]
        # Not `splitlines`: a path that somebody asked for may hold what Unicode takes for the end of a line.
        return whole.split("\n") if whole else []


def penstock_of(told: dict[str, Any], data: Path, key: str | None = None) -> Penstock:
    """From what a ready file says; `key` where that was told at an earlier start."""
    return Penstock(
        api=told["api"],
        nats=told["nats"],
        database=told["database"],
        simulator=told["simulator"],
        key=key or told["api_key"],
        logs=data / "logs",
        nats_auth=DataDirectory(data).nats_auth,
    )


def cost_of(header: str | None) -> Decimal:
    """The dollars in `x-penstock-cost-usd`."""
    assert header is not None
    return Decimal(header)
