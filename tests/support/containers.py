"""NATS and PostgreSQL out of containers, for who would rather have those: `make test SERVICES=containers`.

The images are those of compose.yaml. What is about the servers of the wheels, or wants accounts of NATS that lie on
this machine, takes those all the same.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.compose import image

_NATS_CONFIG = """\
listen: "0.0.0.0:4222"
max_payload: 8MB
jetstream {
  store_dir: "/data"
  max_file_store: 1TB
  max_memory_store: 64MB
}
"""
_PORT = 4222
_POSTGRES_COMMAND = "postgres -c jit=off -c max_connections=100"
_DATA = "/var/lib/postgresql"


def wanted() -> bool:
    """Whether this run takes its servers from containers."""
    return os.environ.get("PENSTOCK_TEST_SERVICES", "embedded") == "containers"


@contextmanager
def nats_container() -> Iterator[str]:
    """The URL of a nats-server with JetStream whose files are in memory."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    with TemporaryDirectory(prefix="penstock-nats-") as directory:
        config = Path(directory, "nats.conf")
        config.write_text(_NATS_CONFIG, encoding="utf-8")
        # The server in the container is another user.
        Path(directory).chmod(0o755)
        container = DockerContainer(image("nats")).with_exposed_ports(_PORT).with_tmpfs_mount("/data")
        container.with_volume_mapping(str(config), "/etc/nats/nats.conf", "ro").with_command("-c /etc/nats/nats.conf")
        with container.waiting_for(LogMessageWaitStrategy("Server is ready")):
            yield f"nats://{container.get_container_host_ip()}:{container.get_exposed_port(_PORT)}"


@contextmanager
def postgres_container() -> Iterator[str]:
    """The URL of a PostgreSQL with an empty database whose files are in memory."""
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        image("postgres"), username="penstock", password="of-a-test", dbname="penstock", driver=None
    )
    container.with_env("PGDATA", f"{_DATA}/18/docker").with_command(_POSTGRES_COMMAND)
    container.with_tmpfs_mount(_DATA).with_kwargs(shm_size="256m")
    with container:
        yield container.get_connection_url()
