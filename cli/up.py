"""`penstock up`: the whole platform on one machine, as child processes of one small supervisor.

It starts NATS, PostgreSQL and the simulator, sets up what they hold, then starts the workers and the API; it restarts
what dies and stops everything in order. What runs in a child is never imported here.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.beside import retract, tell
from cli.detect import Detected, detect, read_catalog
from cli.options import UpOptions, with_ports
from cli.start_message import Started, first_key, start_message
from cli.targets import targets_of
from infra.embedded.datadir import DataDirectory, locked_data_directory, write_private
from infra.embedded.errors import ChildStartError, EmbeddedError
from infra.embedded.leftovers import stop_leftovers
from infra.embedded.nats import nats_server, nats_url
from infra.embedded.ports import LOOPBACK, PortClaim, check_ports
from infra.embedded.postgres import postgres_server
from infra.embedded.probes import Address, http_get
from infra.embedded.process import ChildSpec, last_line, run
from infra.embedded.supervisor import Supervisor
from infra.embedded.traces import trace_environ
from infra.embedded.waiting import first_of, interrupts

# -P: a folder named `cli` where the person stands must not be taken for ours.
PENSTOCK = (sys.executable, "-P", "-m", "cli")
# What the servers get of our environment: the providers' keys are none of their business.
_SERVER_VARIABLES = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "GOMEMLIMIT", "GOMAXPROCS")
_OPERATOR_VARIABLE, _FIRST_TENANT = "PENSTOCK_NATS_OPERATOR", "default"
_DRAIN_VARIABLE = "PENSTOCK_DRAIN_TIMEOUT"
_DRAIN_DEFAULT, _DRAIN_MARGIN = 20.0, 5.0


async def up(options: UpOptions, penstock: tuple[str, ...] = PENSTOCK) -> int:
    """Run the platform until Ctrl-C; the exit code. What goes wrong is one sentence on standard error.

    `penstock` is the command whose sub-commands `setup`, `simulate`, `worker` and `api` are run.
    """
    try:
        with locked_data_directory(options.data_dir) as data:
            await _Platform(with_ports(options), data, penstock).run()
    except EmbeddedError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}.")
    return 0


class _Platform:
    def __init__(self, options: UpOptions, data: DataDirectory, penstock: tuple[str, ...]) -> None:
        self._options = options
        self._data = data
        self._targets = targets_of(options)
        self._penstock = penstock
        self._began = time.monotonic()
        self._supervisor = Supervisor(data.logs, announce=_say, changed=self._tell)
        self._started: Started | None = None

    async def run(self) -> None:
        """Start everything, wait for Ctrl-C or a crash loop, stop everything. Raises `EmbeddedError`, `OSError`."""
        stop = asyncio.Event()
        retract(self._data, self._options.ready_file)
        with interrupts(stop, self._supervisor.kill, _say):
            try:
                await first_of(self._start_and_stay(), self._supervisor.wait(), stop.wait())
            finally:
                retract(self._data, self._options.ready_file)
                self._started = None
                await self._supervisor.stop()
        _say("Stopped.")

    async def _start_and_stay(self) -> None:
        await stop_leftovers(self._data, _say)
        found, _ = await asyncio.gather(self._find_providers(), self._write_nats_auth())
        await check_ports(self._claims(found))
        database_url = await self._start_servers(found)
        environ = self._child_environ(database_url, found.catalog)
        keyless = {name: value for name, value in environ.items() if not _holds_key(name, found)}
        key = await self._set_up(keyless)
        try:
            await self._supervisor.start(self._workers(environ, keyless), [self._api(keyless)])
            self._started = self._summary(found, database_url, key)
        finally:
            if key is not None and self._started is None:
                _say(first_key(key))
        write_private(self._data.prometheus_targets, self._targets.prometheus())
        self._tell()
        _say(start_message(self._started, time.monotonic() - self._began))
        await asyncio.Event().wait()

    async def _write_nats_auth(self) -> None:
        """Who may connect to NATS. By a child: what signs tokens need not stay in this process."""
        await self._ran("nats-auth", str(self._data.nats_auth.path), env=os.environ, timeout=60.0)

    async def _find_providers(self) -> Detected:
        if self._options.catalog is not None:
            return read_catalog(self._options.catalog.absolute(), self._options.simulator_port)
        return await detect(self._data.catalog, self._options.simulator_port, os.environ)

    def _claims(self, found: Detected) -> Iterator[PortClaim]:
        yield PortClaim("--port", self._options.port, self._options.host)
        yield PortClaim("--nats-port", self._options.nats_port)
        yield PortClaim("--postgres-port", self._options.postgres_port)
        yield from self._targets.claims()
        if found.simulator:
            yield PortClaim("--simulator-port", self._options.simulator_port)

    async def _start_servers(self, found: Detected) -> str:
        """NATS, PostgreSQL and the simulator, which know nothing of each other; the database's URL."""
        environ = {name: os.environ[name] for name in _SERVER_VARIABLES if name in os.environ}
        nats = nats_server(self._data, self._options.nats_port, environ, self._data.nats_auth)
        postgres = await postgres_server(self._data, self._options.postgres_port, environ, _say)
        simulators = [self._simulator()] if found.simulator else []
        await self._supervisor.start([nats, postgres.process], simulators)
        return postgres.url

    def _child_environ(self, database_url: str, catalog: Path) -> dict[str, str]:
        # libpq's own variables (PGSSLMODE, PGOPTIONS …) are meant for somebody else's database.
        # The operator's seed is for set-up and for the API's administrators.
        others = ("PG", _OPERATOR_VARIABLE)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        return inherited | {
            "PENSTOCK_NATS_URL": nats_url(self._options.nats_port),
            "PENSTOCK_NATS_CREDS": str(self._data.nats_auth.service_creds),
            "PENSTOCK_DATABASE_URL": database_url,
            "PENSTOCK_API_HOST": self._options.host,
            "PENSTOCK_API_PORT": str(self._options.port),
            "PENSTOCK_CATALOG": str(catalog),
            **trace_environ(self._data.spans, os.environ),
        }

    async def _set_up(self, environ: Mapping[str, str]) -> str | None:
        """Streams, tables and the first key, which is None where there was one before. Raises `ChildStartError`."""
        said = await self._ran("setup", env={**environ, **self._operator()}, timeout=120.0)
        try:
            key = json.loads(said.splitlines()[-1])["api_key"]
        except (ValueError, IndexError, KeyError, TypeError):
            raise ChildStartError("setup did not say what it made.") from None
        return str(key) if key is not None else None

    def _operator(self) -> dict[str, str]:
        return {_OPERATOR_VARIABLE: str(self._data.nats_auth.operator_seed)}

    async def _ran(self, command: str, *arguments: str, env: Mapping[str, str], timeout: float) -> bytes:  # noqa: ASYNC109
        """What a sub-command said once it has ended well. Raises `ChildStartError` with its own sentence."""
        done = await run(*self._penstock, command, *arguments, env=env, timeout=timeout)
        log = self._data.logs / f"{command}.log"
        log.write_bytes(done.stderr)
        if done.returncode != 0:
            sentence = last_line(done.stderr) or f"{command} exited with code {done.returncode}."
            traced = f" (log: {log})." if b"Traceback" in done.stderr else ""
            raise ChildStartError(f"{sentence.removeprefix('penstock: ')}{traced}")
        return done.stdout

    def _simulator(self) -> ChildSpec:
        address = Address(LOOPBACK, self._options.simulator_port)
        argv = (*self._penstock, "simulate", "--port", str(address.port))
        environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        return ChildSpec("simulator", argv, environ, ready=_answers(address, "/healthz"))

    def _workers(self, environ: Mapping[str, str], keyless: Mapping[str, str]) -> list[ChildSpec]:
        """The providers' keys go to the worker that calls them and to no other process."""
        return [
            ChildSpec(
                f"worker-{name}",
                (*self._penstock, "worker", name),
                {**(environ if name in ("provider", "all") else keyless), "PENSTOCK_METRICS_PORT": str(address.port)},
                stop_grace_seconds=_drain_grace(),
            )
            for name, address in self._targets.workers.items()
        ]

    def _api(self, environ: Mapping[str, str]) -> ChildSpec:
        return ChildSpec(
            "api",
            (*self._penstock, "api"),
            {**environ, **self._operator()},
            ready=_answers(Address(self._options.host, self._options.port), "/readyz"),
            ready_timeout_seconds=60.0,
            stop_grace_seconds=_drain_grace(),
        )

    def _summary(self, found: Detected, database_url: str, key: str | None) -> Started:
        simulator = Address(LOOPBACK, self._options.simulator_port).url if found.simulator else None
        return Started(
            api=Address(self._options.host, self._options.port).url,
            nats=nats_url(self._options.nats_port),
            nats_creds=self._data.nats_auth.tenant_creds(_FIRST_TENANT),
            database=database_url,
            simulator=simulator,
            api_key=key,
            data=self._data.path,
            logs=self._data.logs,
            metrics=self._targets.urls,
            prometheus_targets=self._data.prometheus_targets,
            providers=found.providers,
            example_model=found.example_model,
            catalog_given=self._options.catalog is not None,
        )

    def _tell(self) -> None:
        if self._started is not None:
            tell(self._started, self._supervisor.pids, self._options.ready_file)


def _drain_grace() -> float:
    """Seconds that a worker has to stop: what it is told to drain within, and a margin."""
    try:
        return float(os.environ[_DRAIN_VARIABLE]) + _DRAIN_MARGIN
    except (KeyError, ValueError):
        return _DRAIN_DEFAULT + _DRAIN_MARGIN


def _holds_key(name: str, found: Detected) -> bool:
    """Whether a variable holds a provider's key, as far as its name tells: a later catalogue may name it."""
    return name in found.key_variables or name.endswith("_API_KEY")


def _answers(address: Address, path: str) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def ready() -> bool:
        answer = await http_get(address, path, within=2.0)
        return answer is not None and answer.status == 200

    return ready


def _say(text: str) -> None:
    # A terminal that was closed, or a pipe that nobody reads, is no reason to stop the platform.
    with suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _fail(sentence: str) -> int:
    with suppress(OSError):
        sys.stderr.write(f"penstock up: {sentence}\n")
    return 1
