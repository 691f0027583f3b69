"""Two calls for one request, of which the first to say something is heard: against the slow tail of one deployment.

See J. Dean and L. Barroso, "The Tail at Scale" (https://cacm.acm.org/research/the-tail-at-scale/).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from workers.provider.cancellation import Stop
from workers.provider.said import Send

T = TypeVar("T")


class Lane:
    """One call's place in a race. One that runs alone wins."""

    def __init__(self, race: "Race") -> None:
        self._race = race
        self.stop = Stop()

    def won(self) -> bool:
        """Claim the race: True for the first that does, and for whoever did. The other one is stopped."""
        return self._race._claim(self)

    def heard(self, send: Send) -> Send:
        """What takes the events of this call: those of the first to have one are sent, the other's are dropped."""

        async def send_if_first(event: dict[str, Any]) -> None:
            if self.won():
                await send(event)

        return send_if_first


class Race:
    """The calls that are made side by side."""

    def __init__(self) -> None:
        self._lanes: list[Lane] = []
        self._winner: Lane | None = None
        self.decided = asyncio.Event()

    def lane(self) -> Lane:
        """A place for one more call."""
        self._lanes.append(Lane(self))
        return self._lanes[-1]

    def won_by(self, lane: Lane) -> bool:
        """Whether this call was heard first."""
        return self._winner is lane

    def _claim(self, lane: Lane) -> bool:
        if self._winner is None:
            self._winner = lane
            self.decided.set()
            for other in self._lanes:
                if other is not lane:
                    other.stop.give()
        return self._winner is lane


async def hedged(
    first: Callable[[Lane], Awaitable[T]], second: Callable[[Lane], Awaitable[T | None]], after: float
) -> tuple[T, T | None]:
    """Make the first call, and the second where nothing is heard of the first for `after` seconds and it may be made.

    Returns once both have ended, the one that won before the other; where both failed, the first one's end before.
    """
    race = Race()
    lanes = race.lane(), race.lane()
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(_awaited(first(lanes[0])))]
    decided = asyncio.create_task(_awaited(race.decided.wait()))
    try:
        await asyncio.wait({tasks[0], decided}, timeout=after, return_when=asyncio.FIRST_COMPLETED)
        if not (tasks[0].done() or decided.done()):
            tasks.append(asyncio.create_task(_awaited(second(lanes[1]))))
        made = await asyncio.gather(*tasks)
    finally:
        for task in (*tasks, decided):
            task.cancel()
        await asyncio.gather(*tasks, decided, return_exceptions=True)
    other = made[1] if len(made) > 1 else None
    return (other, made[0]) if other is not None and race.won_by(lanes[1]) else (made[0], other)


async def _awaited(work: Awaitable[T]) -> T:
    return await work
