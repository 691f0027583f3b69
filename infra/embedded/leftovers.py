"""Servers that an earlier supervisor left running on our data directory, because it was killed."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.datadir import DataDirectory
from infra.embedded.errors import DataDirectoryError

_PATIENCE = 15.0
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class _Server:
    name: str
    pid_file: Path
    directory: Path
    stop_signal: signal.Signals


async def stop_leftovers(data: DataDirectory, announce: Callable[[str], None]) -> None:
    """Stop NATS and PostgreSQL where their pid file names a process whose command line names our directory.

    Raises `DataDirectoryError` where one belongs to another user.
    """
    for server in (
        _Server("nats", data.nats / "nats.pid", data.nats, signal.SIGTERM),
        _Server("postgres", data.postgres / "postmaster.pid", data.postgres, signal.SIGINT),
    ):
        pid = _read_pid(server.pid_file)
        if pid is not None and _is_running(pid, server.directory):
            await _stop(pid, server)
            announce(f"stopped {server.name} (process {pid}), left over from a supervisor that was killed")


def _read_pid(pid_file: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        pid = int(pid_file.read_text(encoding="ascii").splitlines()[0])
        return pid if pid > 1 else None
    return None


def _is_running(pid: int, directory: Path) -> bool:
    """A process that is dead but not reaped has no command line, and a number may belong to somebody else by now."""
    return str(directory) in command_line(pid)


def command_line(pid: int) -> str:
    """The arguments of a process, joined by spaces; empty where there is none."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).replace("\0", " ")
        return ""
    ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


async def _stop(pid: int, server: _Server) -> None:
    for signum in (server.stop_signal, signal.SIGKILL):
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            return
        except PermissionError:
            raise DataDirectoryError(
                f"{server.name} (process {pid}) still runs on {server.directory} as another user; stop it first."
            ) from None
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await _until_gone(pid, server.directory)
            return


async def _until_gone(pid: int, directory: Path) -> None:
    # It is not our child: nothing tells us of its end.
    while _is_running(pid, directory):  # noqa: ASYNC110
        await asyncio.sleep(_POLL)
