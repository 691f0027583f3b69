"""Bulk work gives way to people who search, within a process."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

NARROW = 4
"""Bulk messages that a stage has in hand while somebody searches. ADR 0016 has the figures."""
_REMEMBERED = 2.0
"""Seconds after a search in which the next one is expected."""


class Courtesy:
    """Counts the searches that a process has in hand, and tells bulk work whether it is in anybody's way."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passing = 0
        self._last = float("-inf")
        self._quiet = asyncio.Event()
        self._quiet.set()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Someone is in a hurry while the body runs."""
        self._passing += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._passing -= 1
            self._last = self._clock()
            if not self._passing:
                self._quiet.set()

    async def lull(self, patience: float) -> None:
        """Wait until nobody passes, at most `patience` seconds: who gives way for ever never arrives."""
        if not self._passing:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._quiet.wait()

    def width(self, full: int) -> int:
        """How much bulk work may be in hand now, of `full` where nobody is in its way. Never none at all."""
        return min(full, NARROW) if self._expects_somebody() else full

    def _expects_somebody(self) -> bool:
        return self._passing > 0 or self._clock() - self._last < _REMEMBERED
