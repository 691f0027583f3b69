"""Where the processes of a platform serve their metrics."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from cli.options import UpOptions
from infra.embedded.ports import PortClaim, free_ports
from infra.embedded.probes import Address


@dataclass(frozen=True, slots=True)
class Targets:
    """The addresses of the API and of the worker processes, these by the worker's name, or `all`."""

    api: Address
    workers: dict[str, Address]

    @property
    def urls(self) -> dict[str, str]:
        """What a person or a test gets them by, by the child's name."""
        named = {"api": self.api} | {f"worker-{name}": address for name, address in self.workers.items()}
        return {name: f"{address.url}/metrics" for name, address in named.items()}

    def claims(self) -> Iterator[PortClaim]:
        """The ports that the workers are to have."""
        for address in self.workers.values():
            yield PortClaim("--metrics-port", address.port, address.host)

    def prometheus(self) -> str:
        """The same for Prometheus: a file of targets (`file_sd_configs`), with the labels that compose.yaml's have."""
        groups = [_group(self.api, job="api")]
        groups += [_group(address, job="workers", worker=name) for name, address in self.workers.items()]
        return json.dumps(groups, indent=2) + "\n"


def targets_of(options: UpOptions) -> Targets:
    """Of a platform whose ports are known; a port for each worker process, consecutive from the first on, or free."""
    from workers.names import WORKERS

    names = WORKERS if options.processes else ("all",)
    first = options.metrics_port
    others = (options.port, options.nats_port, options.postgres_port, options.simulator_port)
    ports = range(first, first + len(names)) if first else free_ports(len(names), apart_from=others)
    workers = {name: Address(options.host, port) for name, port in zip(names, ports, strict=True)}
    return Targets(Address(options.host, options.port), workers)


def _group(address: Address, **labels: str) -> dict[str, object]:
    return {"targets": [address.authority], "labels": labels}
