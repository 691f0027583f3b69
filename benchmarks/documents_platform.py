"""A platform to put documents into: its command line, its searches over HTTP, its database."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.gateway import PenstockOptions, penstock
from benchmarks.processes import ROOT, BenchmarkError

_NOWHERE = "http://127.0.0.1:9"
"""No model is asked for anything here."""


@dataclass(frozen=True)
class Platform:
    """What runs. `key` is the first tenant's; `pids` are its processes by name."""

    base_url: str
    key: str
    database_url: str
    pids: dict[str, int]

    def cli(self, *arguments: str) -> tuple[str, float]:
        """Run a `penstock` command to its end: what it printed, and the seconds it took. Raises `BenchmarkError`."""
        environ = os.environ | {
            "PENSTOCK_BASE_URL": self.base_url,
            "PENSTOCK_API_KEY": self.key,
            "PENSTOCK_DATABASE_URL": self.database_url,
        }
        begun = time.perf_counter()
        command = [sys.executable, "-m", "cli", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        taken = time.perf_counter() - begun
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise BenchmarkError(f"penstock {arguments[0]} ended with status {done.returncode}: {' '.join(said)}")
        return done.stdout, taken

    def searcher(self, store: str, key: str | None = None) -> "SearchConnection":
        """A connection of its own to one store."""
        return SearchConnection(self.base_url, key or self.key, store)


class SearchConnection:
    """One kept connection, so that what is measured is the platform and not an SDK."""

    def __init__(self, base_url: str, key: str, store: str) -> None:
        url = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=30)
        self._path = f"{url.path}/vector_stores/{store}/search"
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def search(self, query: str, **more: object) -> tuple[list[dict[str, Any]], int]:
        """What was found, and the nanoseconds it took. Raises `BenchmarkError` for anything but a 200."""
        body = json.dumps({"query": query, **more}).encode()
        begun = time.perf_counter_ns()
        try:
            self._connection.request("POST", self._path, body, self._headers)
            with closing(self._connection.getresponse()) as answer:
                said, status = answer.read(), answer.status
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise BenchmarkError(f"a search was not answered: {error!r}") from None
        taken = time.perf_counter_ns() - begun
        if status != 200:
            raise BenchmarkError(f"a search was answered with {status}: {said.decode(errors='replace')[:200]}")
        found: list[dict[str, Any]] = json.loads(said)["data"]
        return found, taken


@contextmanager
def running_platform(*, processes: bool = False) -> Iterator[Platform]:
    """`penstock up` in a directory that is gone afterwards; `processes`: each worker in one of its own."""
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as home:
        directory = Path(home)
        directory.chmod(0o711)  # PostgreSQL runs as another user where we are root
        options = PenstockOptions("bench", _NOWHERE, processes=processes, otlp_url=None)
        with penstock(options, directory) as target:
            told = json.loads((directory / "ready.json").read_text(encoding="utf-8"))
            yield Platform(target.base_url, target.api_key, told["database"], target.pids)
