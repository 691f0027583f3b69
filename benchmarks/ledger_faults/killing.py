"""SIGKILL to the ledger worker, PostgreSQL and NATS in turn; who supervises them starts them again."""

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkError

VICTIMS = ("worker-ledger", "postgres", "nats")
_BACK_WITHIN = 60.0


def told(ready_file: Path) -> dict[str, Any]:
    """What `penstock up` told last. Raises `BenchmarkError` where it has ended."""
    try:
        found: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchmarkError("penstock up ended during the run.") from None
    return found


async def kill_in_turn(ready_file: Path, every: float, killed: Counter[str], stop: asyncio.Event) -> None:
    """One of them `every` so many seconds, until told to stop; the last one is back then. `killed` counts them.

    Raises `BenchmarkError` where one is not started again.
    """
    for name in cycle(VICTIMS):
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every)
        if stop.is_set():
            return
        pid = told(ready_file)["pids"][name]
        os.kill(pid, signal.SIGKILL)
        killed[name] += 1
        await _replaced(ready_file, name, pid)


async def _replaced(ready_file: Path, name: str, pid: int) -> None:
    try:
        async with asyncio.timeout(_BACK_WITHIN):
            while _pid(ready_file, name, pid) == pid:  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise BenchmarkError(f"{name} was killed and not started again within {_BACK_WITHIN:g} s.") from None


def _pid(ready_file: Path, name: str, otherwise: int) -> int:
    # The file is there before it is whole.
    with suppress(json.JSONDecodeError):
        pid: int = told(ready_file)["pids"].get(name, otherwise)
        return pid
    return otherwise
