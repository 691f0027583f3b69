"""The model simulator as a process, its counters, and a catalogue that points at it."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from infra.embedded.datadir import DataDirectory
from infra.embedded.ports import LOOPBACK
from infra.embedded.probes import Address, http_get
from infra.embedded.process import ChildSpec
from tests.support.servers import running_child

_ROOT = Path(__file__).parents[2]
OPENAI, ANTHROPIC = "simulator", "simulator-anthropic"
DEPLOYMENT, ANTHROPIC_DEPLOYMENT = "simulator/any", "simulator/claude"
MODEL = "sim-small"


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulator that runs; `url` has no path."""

    url: str

    def stats(self) -> dict[str, Any]:
        """What `GET /stats` says (`infra.simulator.stats.Stats.snapshot`)."""
        found: dict[str, Any] = httpx2.get(f"{self.url}/stats", verify=False).raise_for_status().json()
        return found

    def reset(self) -> None:
        """Begin to count anew."""
        # Without TLS, nobody has to read the certificates of this machine: 30 ms, before each test.
        httpx2.delete(f"{self.url}/stats", verify=False).raise_for_status()

    def calls_of(self, tenant: str, request_id: str) -> int:
        """The calls that were made for one request, over all its attempts."""
        keys: dict[str, int] = self.stats()["by_idempotency_key"]
        return sum(count for key, count in keys.items() if key.rpartition(".")[0] == f"{tenant}.{request_id}")


@contextmanager
def running_simulator(*arguments: str) -> Iterator[Simulator]:
    """A simulator on a free port, ended at the end. `arguments` are those of `python -m infra.simulator`."""

    async def describe(_: DataDirectory, port: int) -> tuple[ChildSpec, str]:
        address = Address(LOOPBACK, port)

        async def ready() -> bool:
            return await http_get(address, "/healthz", within=1.0) is not None

        command = (sys.executable, "-m", "infra.simulator", "--port", str(port), *arguments)
        return ChildSpec("simulator", command, dict(os.environ), ready, cwd=_ROOT), address.url

    with running_child(describe) as server:
        yield Simulator(server.url)


def write_catalog(target: Path, simulator: Simulator) -> Path:
    """`sim-*` by OpenAI's API and `claude-*` by Anthropic's, both from the simulator; prices are 1 and 2 $/Mtoken."""
    prices = {"input": "1", "output": "2"}
    catalog = {
        "providers": [
            {"name": OPENAI, "kind": "openai", "base_url": f"{simulator.url}/v1"},
            {"name": ANTHROPIC, "kind": "anthropic", "base_url": simulator.url},
        ],
        "models": [
            _model("sim-*", OPENAI, DEPLOYMENT, prices),
            _model("claude-*", ANTHROPIC, ANTHROPIC_DEPLOYMENT, prices),
        ],
    }
    target.write_text(json.dumps(catalog), encoding="utf-8")
    return target


def _model(name: str, provider: str, deployment: str, prices: dict[str, str]) -> dict[str, Any]:
    deployments = [{"name": deployment, "provider": provider, "model": "{model}", "prices": prices}]
    return {"name": name, "deployments": deployments}
