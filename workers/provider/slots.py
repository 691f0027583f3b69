"""How many calls a deployment may have open in this process, and who waits for one of them to end."""

import asyncio
from collections import deque
from collections.abc import Sequence


class Slots:
    """The open calls of one deployment. What `take` or `first_free` gives is owed one `release`."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[Slots]] = deque()

    def has_room(self, limit: int | None) -> bool:
        """Whether one more call may be opened; those who wait come first. None is no limit."""
        if limit is None:
            return True
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        return self.in_flight < limit and not self._waiting

    def take(self) -> None:
        """Open a call."""
        self.in_flight += 1

    def release(self) -> None:
        """A call has ended: its place is the next one's who waits for it."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(self)
                return
        self.in_flight -= 1

    def _queue(self, future: "asyncio.Future[Slots]") -> None:
        self._waiting.append(future)


async def first_free(busy: Sequence[Slots], patience: float | None) -> Slots:
    """Wait for a place at any of these and take it. Raises `TimeoutError` after `patience` seconds."""
    future: asyncio.Future[Slots] = asyncio.get_running_loop().create_future()
    for slots in busy:
        slots._queue(future)
    try:
        async with asyncio.timeout(patience):
            return await future
    except (TimeoutError, asyncio.CancelledError):
        if future.done() and not future.cancelled():
            # The place was handed over in the moment in which the waiting ended.
            future.result().release()
        raise
