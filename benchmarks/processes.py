"""Start, watch and end the processes of a benchmark."""

import json
import os
import select
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, Self

import psutil

ROOT = Path(__file__).resolve().parent.parent


class BenchmarkError(Exception):
    """The benchmark can't give figures; the message is one sentence that says why."""


class Child:
    """A process in a session of its own, so that Ctrl-C reaches the benchmark alone and it ends the others in order."""

    def __init__(
        self, name: str, arguments: list[str], *, env: Mapping[str, str] = os.environ, output: IO[bytes] | None = None
    ) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=output,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def pid(self) -> int:
        return self.process.pid

    def first_line(self, seconds: float) -> str:
        """What it prints first. Raises `BenchmarkError` where it ends or stays silent for so long."""
        pipe = self.process.stdout
        assert pipe is not None
        ready, _, _ = select.select([pipe], [], [], seconds)
        line = pipe.readline().decode().strip() if ready else ""
        if not line:
            raise BenchmarkError(f"the benchmark's own {self.name} did not start.")
        return line

    def require_alive(self) -> None:
        """Raises `BenchmarkError` where it has ended."""
        if (status := self.process.poll()) is not None:
            raise BenchmarkError(f"the benchmark's own {self.name} ended with status {status} during the benchmark.")


class Service(Child):
    """One of the benchmark's own servers: prints its port once it listens, gives its counts at /stats."""

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        super().__init__(name, [module, *arguments])
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self.url = f"http://127.0.0.1:{self.first_line(10)}"
        except BaseException:  # Ctrl-C too must not leave it behind
            self.__exit__()
            raise
        return self

    def stats(self) -> dict[str, int]:
        """What it has counted so far. Raises `BenchmarkError` where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/stats", timeout=5) as answer:
                counts: dict[str, int] = json.load(answer)
        except OSError as error:
            raise BenchmarkError(f"the benchmark's own {self.name} does not answer: {error}") from None
        return counts


def end(processes: list[psutil.Process], grace: float) -> None:
    """Ask the first process to end, which should end the others, for `grace` seconds; then end whatever is left."""
    psutil.wait_procs(_signal(processes[:1], "terminate"), timeout=grace)
    psutil.wait_procs(_signal(processes, "terminate"), timeout=3)
    psutil.wait_procs(_signal(processes, "kill"), timeout=5)


def _signal(processes: list[psutil.Process], method: Literal["terminate", "kill"]) -> list[psutil.Process]:
    reached = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            getattr(process, method)()
            reached.append(process)
    return reached


def free_ports(count: int) -> list[int]:
    """TCP ports on 127.0.0.1 that nothing listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
