"""One `penstock up --processes` on a data directory of its own: started, killed in part or whole, started again."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil

from infra.embedded.datadir import DataDirectory
from infra.embedded.ports import LOOPBACK, free_ports
from tests.support import forks
from tests.support.waiting import eventually
from workers import names

WORKERS = tuple(f"worker-{name}" for name in names.WORKERS)
"""The processes of all workers, by the supervisor's names."""
ROOM, SLOTS = 500, 128
"""How many messages a queue holds in these tests, and how many calls a provider's pool has open."""
_INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LANG", "PYTHONDONTWRITEBYTECODE")
_PORTS = ("port", "nats-port", "postgres-port", "simulator-port")


class Instance:
    """A data directory, its ports, and the `up` that runs there now. The ports stay over restarts.

    `simulator` is the URL of the one that answers: it outlives the instance, and so does its count of the calls.
    `settings` are fields of `infra.settings.Settings`.
    """

    def __init__(self, home: Path, simulator: str, **settings: object) -> None:
        self.home = home
        self.ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        self.simulator = simulator
        self.api = f"http://{LOOPBACK}:{self.ports['port']}"
        self.nats = f"nats://{LOOPBACK}:{self.ports['nats-port']}"
        self.nats_creds = str(DataDirectory(home / "data").nats_auth.service_creds)
        self.api_key = ""
        self._ready_file = home / "ready.json"
        self._said = home / "said"
        self._environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._environ |= {f"PENSTOCK_{name.upper()}": str(value) for name, value in settings.items()}
        self._up: forks.Forked | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        self._ready_file.unlink(missing_ok=True)
        command = ("up", "--processes", *self._options())
        self._up = await asyncio.to_thread(forks.start, command, self._environ, self._said)
        await eventually(lambda: self._ready_file.exists() or self.up.poll() is not None, within=60)
        assert self._ready_file.exists(), self._said.read_text()
        self.api_key = self.told["api_key"] or self.api_key

    @property
    def up(self) -> forks.Forked:
        """The supervisor."""
        assert self._up is not None, "not started"
        return self._up

    @property
    def told(self) -> dict[str, Any]:
        """The ready file."""
        told: dict[str, Any] = json.loads(self._ready_file.read_text())
        return told

    @property
    def pids(self) -> dict[str, int]:
        """The processes by name, as the supervisor told last."""
        pids: dict[str, int] = self.told["pids"]
        return pids

    def send(self, number: signal.Signals, *children: str) -> list[int]:
        """Send a signal to some of the children; their process ids."""
        pids = [self.pids[child] for child in children]
        for pid in pids:
            os.kill(pid, number)
        return pids

    async def replaced(self, name: str, pid: int, within: float = 30) -> None:
        """Wait until the supervisor has another process in the place of this one."""
        await eventually(lambda: self.pids.get(name, pid) != pid, within=within, what=f"{name} is not started again")

    def family(self) -> list[psutil.Process]:
        """Whatever belongs to this instance and lives, whoever its parent is by now."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    async def stop(self) -> None:
        """SIGTERM to the supervisor, and wait for the end of all; what stays longer than its due is killed."""
        try:
            if self._up is not None and self._up.poll() is None:
                self._up.send_signal(signal.SIGCONT)
                self._up.terminate()
                await eventually(lambda: self.up.poll() is not None, within=40, what="penstock up did not end")
        finally:
            self.kill_everything()

    def kill_everything(self) -> None:
        """SIGKILL to every process. The supervisor is held meanwhile, so that it restarts none."""
        if self._up is not None and self._up.poll() is None:
            self._up.send_signal(signal.SIGSTOP)
        family = self.family()
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]

    def _options(self) -> list[str]:
        options = [part for name, port in self.ports.items() for part in (f"--{name}", str(port))]
        catalog = self.home / "catalog.yaml"
        catalog.write_text(_CATALOG.replace("SIMULATOR", self.simulator), encoding="utf-8")
        paths = {"catalog": catalog, "data-dir": self.home / "data", "ready-file": self._ready_file}
        return options + [part for name, path in paths.items() for part in (f"--{name}", str(path))]

    def _is_ours(self, process: psutil.Process) -> bool:
        """By its command line, which names a server's directory, or by the file that takes what it says."""
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            home, line = str(self.home), " ".join(process.cmdline())
            return home in line or any(file.path.startswith(home) for file in process.open_files())
        except psutil.Error:
            return False


_CATALOG = """\
providers:
  - {name: quick, kind: openai, base_url: SIMULATOR/v1}
  - {name: slow, kind: openai, base_url: SIMULATOR/v1}
models:
  - {name: sim-slow*, deployments: [{name: slow/sim, provider: slow, model: "{model}"}]}
  - {name: sim-*, deployments: [{name: quick/sim, provider: quick, model: "{model}"}]}
"""
