"""The data directory of one machine's platform: its layout, and the lock that lets only one supervisor use it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.embedded.errors import DataDirectoryError, DataDirectoryInUseError
from infra.nats_auth.files import NatsAuthFiles


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Where everything is kept. The path is absolute: the servers' command lines name it."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def spans(self) -> Path:
        return self.path / "spans"

    @property
    def nats(self) -> Path:
        return self.path / "nats"

    @property
    def nats_auth(self) -> NatsAuthFiles:
        return NatsAuthFiles(self.path / "nats-auth")

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def postgres_password(self) -> Path:
        return self.path / "postgres.password"

    @property
    def connection(self) -> Path:
        """Variables that say where everything is, for commands; it is there while the platform runs."""
        return self.path / "connection.env"

    @property
    def prometheus_targets(self) -> Path:
        return self.path / "prometheus-targets.json"

    @property
    def catalog(self) -> Path:
        return self.path / "catalog.yaml"


@contextmanager
def locked_data_directory(path: Path) -> Iterator[DataDirectory]:
    """Make the directory where it is missing, and hold it for this process.

    Raises `DataDirectoryInUseError` where another process holds it, `DataDirectoryError` where it can't be written.
    """
    data = DataDirectory(Path(os.path.abspath(path.expanduser())))  # noqa: PTH100  # keeps a link's name
    try:
        _make(data)
        lock = _open_lock(data.path / "up.lock")
    except OSError as error:
        raise DataDirectoryError(
            f"data directory {data.path} can't be used: {_reason(error)}; choose another with --data-dir."
        ) from None
    with lock:
        _hold(lock, data)
        yield data


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    scratch = path.with_name(f"{path.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)


def _make(data: DataDirectory) -> None:
    with suppress(FileExistsError):
        # As root, PostgreSQL runs as another user, who passes through here to the one directory that is theirs.
        data.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
        # It holds a password and people's prompts, and by default it lies in somebody's project.
        (data.path / ".gitignore").write_text("*\n", encoding="utf-8")
    for directory in (data.logs, data.nats):
        directory.mkdir(mode=0o700, exist_ok=True)


def _open_lock(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii", errors="replace")


def _hold(lock: IO[str], data: DataDirectory) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = lock.read().strip()
        raise DataDirectoryInUseError(
            f"data directory {data.path} is in use by penstock up (process {holder or 'unknown'}); "
            "stop it or choose another with --data-dir."
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _reason(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename} is not a directory"
    return f"{error.filename}: {(error.strerror or str(error)).lower()}"
