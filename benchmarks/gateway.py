"""What is measured: Penstock, started here, or something that runs already."""

import json
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.processes import BenchmarkError, Child, end, free_ports

READY_WITHIN = 60.0
DRAIN_WITHIN = 60.0

_UNTRACED = {"PENSTOCK_TRACE_RATIO": "0", "PENSTOCK_TRACE_TAIL_SPANS": "0"}

CATALOGUE = """\
providers:
  - {{name: upstream, kind: openai, base_url: "{upstream}/v1"}}
models:
  - name: "{model}"
    deployments:
      - {{name: upstream/bench, provider: upstream, model: "{model}"}}
"""


@dataclass(frozen=True)
class Target:
    """Where requests go. `base_url` ends in /v1; `pids` are the processes whose CPU and memory are read, by name."""

    name: str
    base_url: str
    api_key: str
    pids: dict[str, int] = field(default_factory=dict)

    def require_alive(self) -> None:
        """Raises `BenchmarkError` where one of its processes has ended."""
        for name, pid in self.pids.items():
            if not _alive(pid):
                raise BenchmarkError(f"{self.name}'s process {name} ({pid}) ended during the benchmark.")


@dataclass(frozen=True)
class PenstockOptions:
    """How `penstock up` is started. `otlp_url` switches tracing on; `catalogue` is used in place of our own, `settings`
    are variables of its environment, which may switch tracing on as well.
    """

    model: str
    upstream_url: str
    processes: bool
    otlp_url: str | None
    catalogue: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def penstock(options: PenstockOptions, directory: Path) -> Iterator[Target]:
    """`penstock up` on free ports with its data under `directory`; drained and ended afterwards.

    Raises `BenchmarkError` where it ends, or is not ready within `READY_WITHIN` seconds.
    """
    ready_file, log = directory / "ready.json", directory / "penstock.log"
    catalogue = options.catalogue or CATALOGUE.format(upstream=options.upstream_url, model=options.model)
    (directory / "catalog.yaml").write_text(catalogue, encoding="utf-8")
    with log.open("wb") as output:
        child = Child("penstock up", _arguments(options, directory), env=_environment(options), output=output)
    known: list[psutil.Process] = [psutil.Process(child.pid)]
    try:
        ready = _await_ready(child, ready_file, log)
        known += _tree(ready["pids"])
        yield Target("penstock", f"{ready['api'].rstrip('/')}/v1", ready["api_key"] or "none", _pids(ready, child.pid))
    finally:
        known += _tree({"penstock up": child.pid})
        end(known, DRAIN_WITHIN)
        child.process.wait()


def running(base_url: str, api_key: str, pids: dict[str, int]) -> Target:
    """Something that is up already. Raises `BenchmarkError` where the URL can't be measured."""
    url = urlsplit(base_url)
    if url.scheme != "http" or not url.hostname:
        raise BenchmarkError(f"--base-url {base_url} is not http://host:port/…; what is measured is on this machine.")
    return Target(url.netloc, base_url.rstrip("/"), api_key, pids)


def _arguments(options: PenstockOptions, directory: Path) -> list[str]:
    api, nats, postgres = free_ports(3)
    paths = {"--data-dir": "data", "--catalog": "catalog.yaml", "--ready-file": "ready.json"}
    ports = {"--port": api, "--nats-port": nats, "--postgres-port": postgres}
    return [
        *("cli", "up"),
        *(part for flag, name in paths.items() for part in (flag, str(directory / name))),
        *(part for flag, port in ports.items() for part in (flag, str(port))),
        *(["--processes"] if options.processes else []),
    ]


def _environment(options: PenstockOptions) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_EXPORTER_OTLP_")}
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": options.otlp_url} if options.otlp_url else _UNTRACED
    return env | traced | dict(options.settings)


def _await_ready(child: Child, ready_file: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        # The file is there before it is whole.
        with suppress(FileNotFoundError, json.JSONDecodeError):
            ready: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
            return ready
        if (status := child.process.poll()) is not None:
            raise BenchmarkError(f"penstock up ended with status {status} before it was ready: {_last_line(log)}")
        time.sleep(0.05)
    raise BenchmarkError(f"penstock up was not ready within {READY_WITHIN:g} s: {_last_line(log)}")


def _pids(ready: dict[str, Any], supervisor: int) -> dict[str, int]:
    pids: dict[str, int] = dict(ready["pids"])
    return pids if supervisor in pids.values() else pids | {"up (supervisor)": supervisor}


def _tree(pids: dict[str, int]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for pid in pids.values():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def _alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _last_line(log: Path) -> str:
    lines = deque((line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()), maxlen=1)
    return lines[0] if lines else "it wrote nothing."
