"""Slots for work in hand, people first."""

import asyncio
from collections import deque

from contracts.subjects import Lane
from infra.dispatch.courtesy import Courtesy


class LaneGate:
    """At most `capacity` jobs at once, at most `batch_capacity` of them bulk; a freed slot goes to a person first.

    With a `courtesy`, bulk jobs are no more than that allows at the moment. It always allows one, so there is always
    one to give its slot back, and those who wait are let in as soon as more are allowed again.
    """

    def __init__(self, capacity: int, batch_capacity: int, courtesy: Courtesy | None = None) -> None:
        self._capacity = capacity
        self._batch_capacity = batch_capacity
        self._courtesy = courtesy
        self._in_use = {Lane.INTERACTIVE: 0, Lane.BATCH: 0}
        self._waiting: dict[Lane, deque[asyncio.Future[None]]] = {lane: deque() for lane in Lane}
        self._shut = False

    def release(self, lane: Lane) -> None:
        """Give a slot back."""
        self._in_use[lane] -= 1
        self._wake()

    def turn_away(self) -> None:
        """Cancel everyone who still waits, and who comes from now on: the process is about to stop."""
        self._shut = True
        for queue in self._waiting.values():
            while queue:
                queue.popleft().cancel()

    async def acquire(self, lane: Lane) -> None:
        """Wait for a slot of `lane`; every `acquire` that returns is owed one `release`.

        Raises `asyncio.CancelledError` where there are no slots any more.
        """
        if self._shut:
            raise asyncio.CancelledError
        if self._free_for(lane) and not self._waiting[Lane.INTERACTIVE] and not self._waiting[lane]:
            self._in_use[lane] += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[lane].append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # The slot was handed over in the moment of the cancellation.
                self._in_use[lane] -= 1
                self._wake()
            raise

    def _free_for(self, lane: Lane) -> bool:
        in_use = self._in_use[Lane.INTERACTIVE] + self._in_use[Lane.BATCH]
        return in_use < self._capacity and (lane is Lane.INTERACTIVE or self._in_use[Lane.BATCH] < self._bulk_width())

    def _bulk_width(self) -> int:
        return self._courtesy.width(self._batch_capacity) if self._courtesy else self._batch_capacity

    def _wake(self) -> None:
        for lane in (Lane.INTERACTIVE, Lane.BATCH):
            queue = self._waiting[lane]
            while queue and self._free_for(lane):
                future = queue.popleft()
                if not future.done():
                    self._in_use[lane] += 1
                    future.set_result(None)
