"""How many searches are in hand: what is not urgent waits until there is none."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Traffic:
    """Counts those who pass, and tells others when nobody does."""

    def __init__(self) -> None:
        self._passing = 0
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
            if not self._passing:
                self._quiet.set()

    async def lull(self, patience: float) -> None:
        """Wait until nobody passes, at most `patience` seconds: who gives way for ever never arrives."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._quiet.wait()
