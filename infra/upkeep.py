"""The life of something that is taken ahead of need: kept for as long as somebody often needs it."""

import asyncio
import math

OFTEN = 1.0
"""Seconds between two uses for which something is taken ahead, and for how long it is kept for the next one."""
BEHIND = 0.01
"""Seconds. What a request leaves to be done is done when its answer is on its way, not beside it."""


class Upkeep:
    """When it was used, and whether it is over. `last` is by the loop's clock."""

    def __init__(self) -> None:
        self.last = asyncio.get_running_loop().time()
        self.over = False
        self._wake = asyncio.Event()

    def use(self) -> None:
        """Somebody needs it now."""
        self.last = asyncio.get_running_loop().time()
        self._wake.set()

    def end(self) -> None:
        """Nothing is taken of it any more."""
        self.over = True
        self._wake.set()

    async def used_since(self, last: float, left: float = math.inf) -> bool:
        """Wait until it has been used since `last`, and that is a moment ago. False where it is over first, where
        nobody uses it for a while, and after `left` seconds.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + left
        while self.last == last and not self.over and loop.time() < until:
            idle_at = self.last + OFTEN
            self._wake.clear()
            try:
                async with asyncio.timeout_at(min(idle_at, until)):
                    await self._wake.wait()
            except TimeoutError:
                break
        if self.over or self.last == last:
            return False
        await asyncio.sleep(BEHIND)
        return not self.over
