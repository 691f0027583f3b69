"""The platform as it runs on several machines: four API processes and two of all workers, on shared servers."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from infra.embedded.ports import free_ports
from tests.e2e.processes import Processes, delete_streams
from tests.e2e.running import Penstock, clean_environ
from tests.e2e.waiting import until
from tests.support import forks
from tests.support.database import empty_tables
from tests.support.homes import home_directory
from tests.support.servers import Server
from tests.support.simulator import Simulator

APIS, WORKERS = 4, 2
SLOW = "sim-small-slowly"
"""A model that takes three seconds to its first token, and a twentieth of a second to each other one."""
CENT = "cent"
"""A model each of whose calls costs a cent, before it is made as well as after it."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """One platform behind several addresses; each of `apis` is the same platform through another process."""

    apis: tuple[Penstock, ...]
    machines: tuple[Processes, ...]
    """Those of them that have workers."""

    def kill_workers(self) -> None:
        """As a power cut does it, all of them at once."""
        for machine in self.machines:
            machine.kill("worker", "all")

    def start_workers(self) -> None:
        """Begin with what was left."""
        for machine in self.machines:
            machine.start("worker", "all")


@contextmanager
def running_replicas(nats: Server, postgres: Server, simulator: Simulator) -> Iterator[Replicas]:
    """Set up on servers that were emptied before, and emptied again after."""
    empty_tables(postgres.url)
    asyncio.run(delete_streams(nats.url))
    with home_directory() as home:
        catalog = home / "catalog.json"
        catalog.write_text(json.dumps(_catalog(simulator.url)))
        environ = clean_environ(
            PENSTOCK_NATS_URL=nats.url,
            PENSTOCK_DATABASE_URL=postgres.url,
            PENSTOCK_CATALOG=str(catalog),
            PENSTOCK_LEDGER_LINGER="0.01",
        )
        done = forks.run(["setup"], environ)
        assert done.returncode == 0, done.stderr
        ports = free_ports(APIS)
        machines = [Processes(home, environ | {"PENSTOCK_API_PORT": str(port)}) for port in ports]
        try:
            for machine in machines[:WORKERS]:
                machine.start("worker", "all")
            for machine in machines:
                machine.start("api")
            key = json.loads(done.stdout)["api_key"]
            urls = (f"http://127.0.0.1:{port}" for port in ports)
            apis = [Penstock(url, nats.url, postgres.url, simulator.url, key, home) for url in urls]
            for api in apis:
                until(lambda api=api: _is_ready(api), "readiness", within=90)
            yield Replicas(tuple(apis), tuple(machines[:WORKERS]))
        finally:
            for machine in machines:
                machine.stop_all()
            asyncio.run(delete_streams(nats.url))


def _is_ready(api: Penstock) -> bool:
    try:
        return api.get("/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _catalog(simulator: str) -> dict[str, object]:
    deployment = {
        **{"name": "sim/cent", "provider": "sim", "model": "sim-small@tokens=10", "max_output_tokens": 10},
        "prices": {"input": "0", "output": "1000"},
    }
    return {
        "providers": [{"name": "sim", "kind": "openai", "base_url": f"{simulator}/v1"}],
        "models": [
            {"name": CENT, "deployments": [deployment]},
            {"name": SLOW, "deployments": [{**deployment, "name": "sim/slow", "model": f"{SLOW}@latency=3000,tps=20"}]},
        ],
    }
