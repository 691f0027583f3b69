"""People who search: so many of them, each asking at a steady pace, whether or not the last answer was quick."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

from benchmarks.documents_platform import Platform
from benchmarks.processes import BenchmarkError

CALLERS, RATE = 4, 5.0
"""People, and searches a second of each: 20/s together, which leaves 2 cores room for a re-index."""


@dataclass
class Searched:
    """Nanoseconds of each search, from when it was due: one that had to wait for the one before has waited, too."""

    taken: list[int] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    empty: int = 0


class SearchLoad:
    """Searches in threads from `start` to `stop`."""

    def __init__(self, platform: Platform, store: str, queries: Sequence[str]) -> None:
        self._platform, self._store, self._queries = platform, store, queries
        self._over = threading.Event()
        self._found = Searched()
        self._lock = threading.Lock()
        self._callers = [threading.Thread(target=self._ask, args=(number,)) for number in range(CALLERS)]

    def start(self) -> None:
        """Everybody begins, one after the other within a period."""
        for caller in self._callers:
            caller.start()

    def stop(self) -> Searched:
        """When the last answers are here."""
        self._over.set()
        for caller in self._callers:
            caller.join()
        return self._found

    def _ask(self, number: int) -> None:
        queries = cycle(islice(self._queries, number, None, CALLERS))
        due = time.perf_counter_ns() + int(number / CALLERS / RATE * 1e9)
        with self._platform.searcher(self._store) as searcher:
            while not self._over.wait(max(0.0, (due - time.perf_counter_ns()) / 1e9)):
                try:
                    found, _ = searcher.search(next(queries))
                except BenchmarkError as error:
                    self._note(None, failed=str(error))
                else:
                    self._note(time.perf_counter_ns() - due, empty=not found)
                due += int(1e9 / RATE)

    def _note(self, taken: int | None, *, failed: str | None = None, empty: bool = False) -> None:
        with self._lock:
            if taken is not None:
                self._found.taken.append(taken)
            if failed is not None:
                self._found.failed.append(failed)
            self._found.empty += empty


def load_for(platform: Platform, store: str, queries: Sequence[str], seconds: float) -> Searched:
    """Search for so long."""
    load = SearchLoad(platform, store, queries)
    load.start()
    time.sleep(seconds)
    return load.stop()
