"""Child processes: how one is described and started, so that it can't outlive its supervisor, and how it ended."""

import asyncio
import ctypes
import os
import pwd
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.embedded.errors import ChildStartError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LOG_LIMIT = 16 * 1024 * 1024
_TAIL = 8 * 1024
_LONGEST_LINE = 400
# PostgreSQL logs its reason first and its shutdown last.
_REASON_MARKS = ("FATAL:", "PANIC:", "[FTL]")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One process to keep alive. `name` is also its log file's name; durations are in seconds.

    `ready` is polled until it is true, and may raise an `EmbeddedError` where waiting is of no use; None means that
    nothing is waited for. `user` is the account that the process runs as, for a supervisor that is root.
    `orphan_signal` is what it gets when its supervisor is killed (Linux only).
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_timeout_seconds: float = 30.0
    user: str | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_seconds: float = 10.0
    orphan_signal: signal.Signals = signal.SIGKILL

    @property
    def title(self) -> str:
        """The name in a sentence: `worker-cache-fill` is «worker cache-fill»."""
        return self.name.replace("-", " ", 1)


class ChildLog:
    """The file that takes all output of one child, over all its lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin = 0

    def rotate(self) -> None:
        """Set a file of more than 16 MB aside, in place of the one set aside before."""
        with suppress(FileNotFoundError):
            if self.path.stat().st_size > _LOG_LIMIT:
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))

    def mark(self) -> None:
        """Begin a new life: `last_line` looks no further back than here."""
        self._begin = self.path.stat().st_size if self.path.exists() else 0

    def last_line(self) -> str | None:
        """What the current life said last, or the last line in which it names a reason; None where it said nothing."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._begin, size - _TAIL))
            return last_line(file.read())
        return None


def last_line(output: bytes) -> str | None:
    """The last line that says something, made safe for a terminal."""
    lines = [line for line in map(_printable, output.decode("utf-8", "replace").splitlines()) if line]
    reasons = [line for line in lines if any(mark in line for mark in _REASON_MARKS)]
    return reasons[-1] if reasons else lines[-1] if lines else None


def _printable(line: str) -> str:
    return "".join(char for char in line if char.isprintable()).strip()[:_LONGEST_LINE]


def describe_exit(returncode: int, said: str | None, when: str = "") -> str:
    """«was killed by SIGKILL», «exited with code 1: <last line>»; `when` is put behind the verb."""
    if returncode < 0:
        return f"was killed by {_signal_name(-returncode)}{when}"
    return f"exited with code {returncode}{when}: {said or 'it said nothing'}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


async def spawn(spec: ChildSpec, log: Path) -> Process:
    """Start the process in a session of its own, its output appended to `log`. Raises `OSError`."""
    with log.open("ab") as output:
        streams = {"stdin": DEVNULL, "stdout": output, "stderr": STDOUT}
        return await _create(spec.argv, spec.env, streams | _isolation(spec.user, spec.cwd, spec.orphan_signal))


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command that ran to its end left behind."""

    returncode: int
    stdout: bytes
    stderr: bytes


async def run(
    *argv: str,
    env: Mapping[str, str],
    user: str | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    timeout: float = 60.0,  # noqa: ASYNC109
) -> Finished:
    """Run a command to its end; it is killed when the caller is cancelled or `timeout` seconds have passed.

    Raises `ChildStartError` where it can't be started or takes too long.
    """
    title = Path(argv[0]).name
    try:
        streams = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
        process = await _create(argv, env, streams | _isolation(user, cwd, signal.SIGKILL))
    except OSError as error:
        raise ChildStartError(f"{title} can't be started: {error.strerror}.") from None
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(stdin), timeout)
    except TimeoutError:
        raise ChildStartError(f"{title} did not end within {timeout:g} s.") from None
    finally:
        if process.returncode is None:
            kill_group(process)
            await process.wait()
    return Finished(process.returncode or 0, stdout, stderr)


async def _create(argv: tuple[str, ...], env: Mapping[str, str], options: dict[str, Any]) -> Process:
    """Start a process. Cancelled half-way, asyncio would kill it and leave alone what it has started; we kill both."""
    creating = asyncio.ensure_future(asyncio.create_subprocess_exec(*argv, env=env, **options))
    try:
        return await asyncio.shield(creating)
    except asyncio.CancelledError:
        with suppress(OSError):
            process = await creating
            kill_group(process)
            await process.wait()
        raise


def kill_group(process: Process) -> None:
    """SIGKILL to the process and to what it started in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _isolation(user: str | None, cwd: Path | None, orphan_signal: signal.Signals) -> dict[str, Any]:
    """Options of `create_subprocess_exec`. A session of its own keeps the terminal's Ctrl-C from the child."""
    options: dict[str, Any] = {
        "start_new_session": True,
        "preexec_fn": _die_with_parent(orphan_signal),
        "cwd": cwd,
    }
    if user is not None:
        account = pwd.getpwnam(user)
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


def _die_with_parent(signum: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec; the library is looked up before, as the fork must not load anything.

    The kernel forgets the setting when the user changes, and Python changes the user before it calls this.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_for_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signum))
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_signal
