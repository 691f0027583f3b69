"""CPU time and memory by process, each with the children it has, read from /proc."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Memory:
    """Of one group. `kind` is PSS, which counts a page that n processes share as 1/n, or RSS where there is no PSS."""

    mib: float
    kind: str


def groups(roots: Mapping[str, int]) -> dict[str, set[int]]:
    """Every named process with its descendants of this moment, as `assign` does it."""
    parents = {process.pid: process.info["ppid"] for process in psutil.process_iter(["ppid"])}
    return assign(parents, roots)


def assign(parents: Mapping[int, int], roots: Mapping[str, int]) -> dict[str, set[int]]:
    """Give each process to the nearest named one above it, or to itself; `parents` is pid → parent's pid."""
    named = {pid: name for name, pid in roots.items()}
    found: dict[str, set[int]] = {name: set() for name in roots}
    for pid in parents:
        above, seen = pid, set[int]()
        while above not in named and above in parents and above not in seen:
            seen.add(above)
            above = parents[above]
        if above in named:
            found[named[above]].add(pid)
    return found


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """User and system time so far, in steps of 10 ms; that of children already ended counts with their parent."""
    return {name: sum(map(_cpu_of, pids)) for name, pids in groups(roots).items()}


def memory(roots: Mapping[str, int]) -> dict[str, Memory]:
    """What each group holds now."""
    return {name: _sum([_memory_of(pid) for pid in pids]) for name, pids in groups(roots).items()}


def settle(used: Callable[[], float], *, within: float, share: float = 0.1, step: float = 0.2) -> None:
    """Wait until the CPU time that `used` gives grows by less than `share` of a core, `within` seconds at most.

    What a system does after its last answer (ledger rows, spans) is part of its cost, and noise in the next run.
    """
    deadline = time.monotonic() + within
    before = used()
    while time.monotonic() < deadline:
        time.sleep(step)
        now = used()
        if now - before < share * step:
            return
        before = now


def _cpu_of(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system + times.children_user + times.children_system
    return 0.0


def _memory_of(pid: int) -> Memory:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return Memory(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024, "PSS")
    with suppress(psutil.NoSuchProcess):
        return Memory(psutil.Process(pid).memory_info().rss / 1024**2, "RSS")
    return Memory(0.0, "PSS")


def _sum(parts: list[Memory]) -> Memory:
    kinds = sorted({part.kind for part in parts})
    return Memory(sum(part.mib for part in parts), " + ".join(kinds) or "PSS")
