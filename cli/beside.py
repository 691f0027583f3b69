"""Where a running `penstock up` is found: by whoever named a ready file, and by commands that are run beside it."""

import json
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from cli.start_message import Started
from infra.embedded.datadir import DataDirectory, write_private

_HERE = Path(".penstock")
_TOLD = ("api", "nats", "database", "simulator", "api_key", "nats_creds", "metrics")
_ALONE = frozenset({"up", "api", "worker", "setup", "simulate", "nats-auth"})
"""Commands that are a platform, or a part of one that is named to them."""
_PLACES = ("PENSTOCK_DATABASE_URL", "PENSTOCK_NATS_URL", "PENSTOCK_NATS_CREDS", "PENSTOCK_BASE_URL")


def tell(started: Started, pids: Mapping[str, int], ready_file: Path | None) -> None:
    """Write where everything is: for who named a file, and for commands. Raises `OSError`."""
    if ready_file is not None:
        told = {name: getattr(started, name) for name in _TOLD} | {"pids": pids}
        write_private(ready_file, json.dumps(told, default=str) + "\n")
    data = DataDirectory(started.data)
    found = (started.database, started.nats, data.nats_auth.service_creds, f"{started.api}/v1")
    lines = (f"{name}={value}\n" for name, value in zip(_PLACES, found, strict=True))
    write_private(data.connection, "".join(lines))


def retract(data: DataDirectory, ready_file: Path | None) -> None:
    """Nothing runs there any more."""
    data.connection.unlink(missing_ok=True)
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)


def adopt(command: str, environ: MutableMapping[str, str], here: Path = _HERE) -> None:
    """Have a command find the platform that runs beside it: all of its places, or none where another one is named."""
    if command in _ALONE:
        return
    try:
        lines = DataDirectory(here.absolute()).connection.read_text(encoding="utf-8").splitlines()
    except OSError:
        # Nothing runs here, or it is somebody else's.
        return
    found = {name: value for name, mark, value in (line.partition("=") for line in lines) if mark}
    if all(environ.get(name, found.get(name)) == found.get(name) for name in _PLACES):
        environ.update(found)
