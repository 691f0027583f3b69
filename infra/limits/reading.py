"""What a process knows of counters without counting on them: buckets that are over, and what somebody saw last."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contracts import subjects
from infra.counters import Counters
from infra.limits.counted import Asked
from infra.limits.look import Look, waits_of
from infra.limits.window import BUCKET, PAST, bucket_of

SKEW = 0.25
"""Seconds within which clocks agree."""
_GRACE = 0.5
"""Seconds. With what comes later than `SKEW`, a bucket is final after that."""
_FULL_FOR = 0.1
"""Seconds for which nobody asks again whether a full window has room."""
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class _Reading:
    """A window that is being read, or was: since when by the loop's clock, and at which time of day."""

    started: float
    at: float
    counts: "asyncio.Task[dict[int, int]]"

    def failed(self) -> bool:
        task = self.counts
        return task.done() and (task.cancelled() or task.exception() is not None)


class Readings:
    """The counters that a process has read. What reads raises `PenstockError` (`pipeline_unavailable`)."""

    def __init__(self, counters: Counters, clock: Callable[[], float]) -> None:
        self._counters = counters
        self._clock = clock
        self._final: dict[str, dict[int, int]] = {}
        self._learning: dict[str, asyncio.Task[None]] = {}
        self._readings: dict[str, _Reading] = {}

    def known(self, name: str) -> Mapping[int, int]:
        """The buckets of a counter in which nobody counts any more."""
        return self._final.get(name, {})

    def missing(self, name: str, numbers: Sequence[int]) -> list[int]:
        """Which buckets are not known."""
        known = self.known(name)
        return [number for number in numbers if number not in known]

    async def learnt(self, name: str, numbers: Sequence[int]) -> None:
        """Buckets in which nobody counts any more are read once: that one was corrected later, `look` finds out."""
        while missing := self.missing(name, numbers):
            if (learning := self._learning.get(name)) is None:
                learning = self._learning[name] = asyncio.create_task(self._learn(name, missing))
                learning.add_done_callback(lambda _: self._learning.pop(name, None))
            await asyncio.shield(learning)

    async def read(self, name: str, numbers: Sequence[int]) -> dict[int, int]:
        """What those buckets hold now."""
        values = await asyncio.gather(*(self._counters.value(subject_of(name, number)) for number in numbers))
        return dict(zip(numbers, values, strict=True))

    async def look(self, asked: tuple[Asked, ...], since: float) -> Look:
        """See whether it would fit, without counting it, no earlier than `since` by the loop's clock. Who looks at the
        same time looks together.
        """
        name = asked[0].name
        reading = self._readings.get(name)
        if reading is None or reading.started < since or reading.failed():
            if len(self._readings) >= _MOST_NAMES:
                self._readings.clear()
            task = asyncio.create_task(self._read_now(name))
            reading = _Reading(asyncio.get_running_loop().time(), self._clock(), task)
            self._readings[name] = reading
        return self._judged(asked, await asyncio.shield(reading.counts))

    def seen(self, asked: tuple[Asked, ...]) -> Look | None:
        """What somebody saw a moment ago."""
        now, reading = self._clock(), self._readings.get(asked[0].name)
        if reading is None or not 0 <= now - reading.at < _FULL_FOR or not reading.counts.done() or reading.failed():
            return None
        return self._judged(asked, reading.counts.result())

    def _judged(self, asked: tuple[Asked, ...], counts: dict[int, int]) -> Look:
        now = self._clock()
        return Look(asked, counts, waits_of(asked, counts, now), now)

    async def _read_now(self, name: str) -> dict[int, int]:
        """Everything that counts. A bucket that was empty when it was over is so still."""
        now = self._clock()
        bucket, known = bucket_of(now), self.known(name)
        counts = await self.read(name, [n for n in range(bucket - PAST, bucket + 2) if known.get(n) != 0])
        self._keep(name, {number: count for number, count in counts.items() if is_final(number, now)}, bucket)
        return counts

    async def _learn(self, name: str, numbers: Sequence[int]) -> None:
        self._keep(name, await self.read(name, numbers), numbers[-1])

    def _keep(self, name: str, found: dict[int, int], newest: int) -> None:
        if len(self._final) >= _MOST_NAMES and name not in self._final:
            self._final.clear()
        known = self._final.get(name, {}) | found
        self._final[name] = {number: count for number, count in known.items() if number >= newest - PAST - 1}


def is_final(bucket: int, now: float) -> bool:
    """Whether nobody counts in a bucket any more."""
    return now >= (bucket + 1) * BUCKET + _GRACE


def subject_of(name: str, bucket: int) -> str:
    """The counter of a bucket."""
    return subjects.counter(f"{name}.{bucket}")
