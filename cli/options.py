"""What `penstock up` is told."""

from dataclasses import dataclass, replace
from pathlib import Path

from infra.embedded.ports import LOOPBACK, free_ports


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `penstock up` is told. Port 0 is any free one; without a `catalog` one is made from what is found here.

    `ready_file` gets a JSON object when all is ready, and again when a process id changes: `api`, `nats`, `database`
    (URLs), `nats_creds` (the path of the first tenant's NATS credentials), `simulator` (URL or null), `api_key` (string
    or null), `metrics` (child name to URL), `pids` (child name to process id). It is gone when the platform is stopped.
    """

    data_dir: Path
    host: str = LOOPBACK
    port: int = 8080
    nats_port: int = 4222
    postgres_port: int = 15432
    simulator_port: int = 8081
    metrics_port: int = 0
    processes: bool = False
    catalog: Path | None = None
    ready_file: Path | None = None


def with_ports(options: UpOptions) -> UpOptions:
    """The same options, with a free port in the place of each 0."""
    named = (options.port, options.nats_port, options.postgres_port, options.simulator_port, options.metrics_port)
    free = free_ports(4, apart_from=named)
    return replace(
        options,
        port=options.port or free[0],
        nats_port=options.nats_port or free[1],
        postgres_port=options.postgres_port or free[2],
        simulator_port=options.simulator_port or free[3],
    )
