"""Processes of Penstock that are forked from one which has imported what they are made of.

A `penstock up` takes ten seconds of a core to start, of which eight are imports; a short command is hardly more than
those. A server of this test process does them once and forks itself for each; a forked process is told its environment
and its streams as a shell tells them, and ends with an exit code. What a forked `penstock up` starts of Penstock is
forked too. That each of them starts from nothing is seen in tests/e2e/test_restart.py and test_single_processes.py.
"""

import asyncio
import atexit
import ctypes
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

from workers.names import WORKERS

PATIENCE = 90.0
"""Seconds that a command may take."""
_OF_COMMANDS = (
    *("cli.main", "cli.ingest.run", "cli.ingest.remote", "cli.ingest.display"),
    *("infra.catalog.bucket", "infra.catalog.candidate", "infra.access.keys", "infra.dead_letters", "infra.settings"),
    *("infra.nats_auth.accounts", "infra.nats_auth.generate", "infra.nats_auth.handing_out"),
    *("httpcore2", "truststore", "anyio._backends._asyncio", "psycopg"),
    *("ingestion.beir", "ingestion.hashes", "rich.live", "rich.progress", "rich.table"),
)
_OF_THE_PLATFORM = (
    *("openai", "anthropic", "infra.runtime", "infra.simulator.server", "infra.simulator.app"),
    *("cli.supervise", "cli.setup", "api.bootstrap", "workers.bootstrap"),
    *(f"workers.{name}.worker" for name in WORKERS),
)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([*_OF_COMMANDS, *_OF_THE_PLATFORM, __name__])
_PENSTOCK = (sys.executable, "-P", "-m", "cli")
_FLAGS = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_APPEND] * 2)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_HANDLERS = (
    (signal.SIGINT, signal.default_int_handler),
    *((number, signal.SIG_IGN) for number in (signal.SIGPIPE, signal.SIGXFSZ)),
    *((number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)),
)
"""Those of an interpreter that has started."""


class Forked:
    """A forked process in a session of its own, as `subprocess.Popen` shows one; it ends with us, however we end."""

    def __init__(self, process: BaseProcess) -> None:
        process.daemon = True
        process.start()
        assert process.pid is not None
        self._process = process
        self.pid: int = process.pid
        while self.poll() is None and os.getpgid(self.pid) != self.pid:
            time.sleep(0.001)  # its session is what a Ctrl-C is sent to

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative for the signal that killed it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    output: Path,
    *,
    errors: Path | None = None,
    given: Path | None = None,
    main: Callable[[], None] | None = None,
) -> Forked:
    """`penstock` with these arguments. What it says is appended to `output`; errors to `errors`, where it differs.

    `main` is what runs in the place of `penstock`: a function of a module, which finds its arguments in `sys.argv`.
    """
    streams = (given or Path(os.devnull), output, errors or output)
    told = (tuple(arguments), dict(environ), Path.cwd(), streams, main)
    return Forked(_FORKS.Process(target=_begin, args=told, name=" ".join(arguments)))


def run(
    arguments: Sequence[str], environ: Mapping[str, str], given: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """`penstock` with these arguments, run to its end; `given` is its standard input."""
    with tempfile.TemporaryDirectory(prefix="penstock-command-") as path:
        stdin, stdout, stderr = (Path(path) / name for name in ("in", "out", "err"))
        stdin.write_text(given or "")
        process = start(arguments, environ, stdout, errors=stderr, given=stdin)
        try:
            code = process.wait(PATIENCE)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(arguments), code, stdout.read_text(), stderr.read_text())


def _begin(
    arguments: tuple[str, ...],
    environ: dict[str, str],
    directory: Path,
    streams: Sequence[Path],
    main: Callable[[], None] | None,
) -> NoReturn:
    """In the process that our server forked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    os.chdir(directory)
    for number, (file, flags) in enumerate(zip(streams, _FLAGS, strict=True)):
        os.dup2(os.open(file, flags), number)
    asyncio.create_subprocess_exec = _forking(asyncio.create_subprocess_exec)  # type: ignore[assignment]
    os.execv = _supervise  # type: ignore[assignment]
    os.setsid()
    _become(arguments, environ, main)


def _become(arguments: Sequence[str], environ: Mapping[str, str], main: Callable[[], None] | None = None) -> NoReturn:
    """Be what an interpreter would be that was started with these arguments, on the streams that the process has."""
    from cli.main import run as penstock

    gc.freeze()  # what our parent left to be collected may own a file whose number is another's by now
    gc.enable()
    signal.set_wakeup_fd(-1)
    for number, handler in _HANDLERS:
        signal.signal(number, handler)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    _read_environ_again()
    sys.argv = ["penstock", *arguments]
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate(("r", "w", "w"))
    )
    atexit._clear()
    code = _ended(main or penstock)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _ended(main: Callable[[], None]) -> int:
    """The exit code, as an interpreter makes it."""
    try:
        main()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        sys.stderr.write(f"{error.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - this is where an interpreter would end
        traceback.print_exc()
        return 1
    return 0


def _read_environ_again() -> None:
    """What is read as a module is imported."""
    from anthropic._utils import _logs as of_anthropic
    from openai._utils import _logs as of_openai

    of_openai.setup_logging()
    of_anthropic.setup_logging()


def _forking(create: Callable[..., Any]) -> Callable[..., Any]:
    """`asyncio.create_subprocess_exec` that forks what would be a Python that runs `penstock`."""

    async def create_or_fork(*argv: str, **options: Any) -> asyncio.subprocess.Process:
        if argv[: len(_PENSTOCK)] != _PENSTOCK:
            return await create(*argv, **options)
        isolate, environ = options.pop("preexec_fn", None), options.pop("env", None)

        def become() -> NoReturn:
            if isolate is not None:
                isolate()
            _become(argv[len(_PENSTOCK) :], os.environ.copy() if environ is None else environ)

        # Between fork and exec, the child stays away for good: it never comes to the exec.
        return await create(*argv, preexec_fn=become, env=environ, **options)

    return create_or_fork


def _supervise(_: str, argv: Sequence[str]) -> NoReturn:
    """What `penstock up` becomes, without another interpreter."""
    from cli.supervise import options_from_text
    from cli.up import up

    sys.exit(asyncio.run(up(options_from_text(argv[-1]))))
