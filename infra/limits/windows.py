"""Limits a minute over all processes: sliding windows (`infra.limits.window`) on shared counters.

A request is counted before it passes. Each increment is told its own new value, so of any number of processes exactly
as many pass as may. Three things could make that untrue, and what is done about each (ADR 0025):

- One that may not pass is taken back; until then it stands in the way of others. So nobody is refused at once: who does
  not fit takes itself back, waits a moment, and looks again.
- Two processes count in two buckets, at the border between them, and neither sees the other. So who counts soon after
  the border looks at the bucket before, after it was counted; what reaches its counter too late is counted again; and
  who looks again close to the border counts beyond it, where all are in one row.
- A message is handled again, as its worker died. So an increment has a message id, and one that is repeated is told
  what it was told at first.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contracts import subjects
from infra.counters import Addition, Counters, Increment
from infra.limits.counted import Asked, Entry, Full, Kind, Passed, packed
from infra.limits.look import SETTLE, AskedOf, Look, by_counter, full_of, passed_of, waits_of
from infra.limits.window import BUCKET, PAST, bucket_in, bucket_of, still_counts

_GRACE, _SKEW = 0.5, 0.25
"""Seconds. Clocks agree within `_SKEW`; with what comes later than that, a bucket is final after `_GRACE`."""
_ROUNDS = 8
_FULL_FOR = 0.1
"""Seconds for which nobody asks again whether a full window has room."""
_MOST_NAMES = 10_000


class _Counting(NamedTuple):
    """When something was counted, beside which buckets that are known, and how long to wait for it at `least`."""

    started: float
    settled: Sequence[int]
    least: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """A window that is being read, or was: since when by the loop's clock, and at which time of day."""

    started: float
    at: float
    counts: "asyncio.Task[dict[int, int]]"

    def failed(self) -> bool:
        task = self.counts
        return task.done() and (task.cancelled() or task.exception() is not None)


class Windows:
    """All windows that a process counts in. Every method raises `PenstockError` (`pipeline_unavailable`)."""

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.time) -> None:
        self._counters = counters
        self._clock = clock
        self._final: dict[str, dict[int, int]] = {}
        self._learning: dict[str, asyncio.Task[None]] = {}
        self._readings: dict[str, _Reading] = {}

    async def count(self, asked: Sequence[Asked], key: str | None = None) -> Passed | Full:
        """Count all of it, or nothing. What has the same `key` within two minutes is the same, and counts once."""
        counters = by_counter(asked)
        if known := self._known_to_befull_of(asked, counters):
            return known
        looks: Sequence[Look] = ()
        for number in range(_ROUNDS):
            ids = {name: None if key is None else f"{key}.{name}.{number}" for name in counters}
            looks = await self._take(counters, ids, _SKEW if number else 0.0)
            counted = passed_of(asked, looks)
            if not any(look.full for look in looks):
                return counted
            await self.take_back(counted.entries)
            since = asyncio.get_running_loop().time() + SETTLE / 2
            # Longer each time, and not the same for everybody.
            await asyncio.sleep(SETTLE * (number + random.uniform(1, 2)))
            looks = await asyncio.gather(*(self._look(of, since) for of in counters.values()))
            if any(look.full for look in looks):
                break
        return full_of(asked, looks)

    async def take_back(self, entries: Iterable[Entry]) -> None:
        """As if it had never been counted."""
        await self._counters.add_all([Addition(one.subject, -one.amount, _back(one)) for one in entries])

    async def correct(self, subject: str, tokens: int, message_id: str | None = None) -> None:
        """Add to what was counted, in the bucket in which it was. Nothing is done where that counts no more."""
        if tokens and still_counts(subject, self._clock()):
            await self._counters.add_all([Addition(subject, packed(Kind.TOKENS, tokens), message_id)])

    async def _take(self, counters: AskedOf, ids: Mapping[str, str | None], ahead: float) -> list[Look]:
        """Count what is asked of each counter, and see whether it fits beside what the others had counted by then."""
        started = self._clock() + ahead
        bucket = bucket_of(started)
        settled = range(bucket - PAST, bucket if _is_final(bucket - 1, started) else bucket - 1)
        adding = self._counters.add_all(
            [
                Addition(_subject(name, bucket), sum(packed(one.kind, one.amount) for one in asked), ids[name])
                for name, asked in counters.items()
            ]
        )
        if unknown := [name for name in counters if self._missing(name, settled)]:
            learning = asyncio.gather(*(self._learnt(name, settled) for name in unknown))
            increments, _ = await asyncio.gather(adding, learning)
        else:
            increments = await adding
        ended, border = self._clock(), (bucket + 1) * BUCKET
        beside = [] if settled[-1] == bucket - 1 else [bucket - 1]
        beside += [bucket + 1] if ended > border - _SKEW else []
        found = await asyncio.gather(*(self._read(name, beside) for name in counters)) if beside else [{}] * len(ids)
        of = _Counting(started, settled, SETTLE if ended > border + _SKEW else 0.0)
        return [
            await self._taken(of, asked, ids[name], increment, also)
            for (name, asked), increment, also in zip(counters.items(), increments, found, strict=True)
        ]

    async def _taken(
        self,
        of: _Counting,
        asked: tuple[Asked, ...],
        message_id: str | None,
        increment: Increment,
        beside: Mapping[int, int],
    ) -> Look:
        name, amount = asked[0].name, sum(packed(one.kind, one.amount) for one in asked)
        # Another may have made room for names meanwhile.
        await self._learnt(name, of.settled)
        known = self._final.get(name, {})
        counts = {number: known[number] for number in of.settled if known[number]}
        counted = bucket_in(increment.subject)
        entry = Entry(increment.subject, amount, message_id, repeated=counted != bucket_of(of.started))
        counts[counted] = increment.value - amount
        if entry.repeated:
            # As it was then: what came after it has seen it.
            then = (counted + 1) * BUCKET - _SKEW
            before = {number: count for number, count in counts.items() if number <= counted}
            return Look(asked, before, waits_of(asked, before, then), then, entry)
        counts |= beside
        return Look(asked, counts, waits_of(asked, counts, of.started, of.least), of.started, entry)

    async def _look(self, asked: tuple[Asked, ...], since: float) -> Look:
        """See whether it would fit, without counting it. Who looks at the same time looks together."""
        name = asked[0].name
        reading = self._readings.get(name)
        if reading is None or reading.started < since or reading.failed():
            if len(self._readings) >= _MOST_NAMES:
                self._readings.clear()
            task = asyncio.create_task(self._read_now(name))
            reading = _Reading(asyncio.get_running_loop().time(), self._clock(), task)
            self._readings[name] = reading
        counts = await asyncio.shield(reading.counts)
        now = self._clock()
        return Look(asked, counts, waits_of(asked, counts, now), now)

    async def _read_now(self, name: str) -> dict[int, int]:
        """Everything that counts. A bucket that was empty when it was over is so still."""
        now = self._clock()
        bucket, known = bucket_of(now), self._final.get(name, {})
        counts = await self._read(name, [n for n in range(bucket - PAST, bucket + 2) if known.get(n) != 0])
        self._keep(name, {number: count for number, count in counts.items() if _is_final(number, now)}, bucket)
        return counts

    def _missing(self, name: str, numbers: Sequence[int]) -> list[int]:
        known = self._final.get(name, {})
        return [number for number in numbers if number not in known]

    async def _learnt(self, name: str, numbers: Sequence[int]) -> None:
        """Buckets in which nobody counts any more are read once: that one was corrected later, `_look` finds out."""
        while missing := self._missing(name, numbers):
            if (learning := self._learning.get(name)) is None:
                learning = self._learning[name] = asyncio.create_task(self._learn(name, missing))
                learning.add_done_callback(lambda _: self._learning.pop(name, None))
            await asyncio.shield(learning)

    async def _learn(self, name: str, numbers: Sequence[int]) -> None:
        self._keep(name, await self._read(name, numbers), numbers[-1])

    async def _read(self, name: str, numbers: Sequence[int]) -> dict[int, int]:
        values = await asyncio.gather(*(self._counters.value(_subject(name, number)) for number in numbers))
        return dict(zip(numbers, values, strict=True))

    def _keep(self, name: str, found: dict[int, int], newest: int) -> None:
        if len(self._final) >= _MOST_NAMES and name not in self._final:
            self._final.clear()
        known = self._final.get(name, {}) | found
        self._final[name] = {number: count for number, count in known.items() if number >= newest - PAST - 1}

    def _known_to_befull_of(self, asked: Sequence[Asked], counters: AskedOf) -> Full | None:
        if not self._readings:
            return None
        looks = [look for of in counters.values() if (look := self._seen(of)) is not None]
        return full_of(asked, looks) if any(look.full for look in looks) else None

    def _seen(self, asked: tuple[Asked, ...]) -> Look | None:
        """What somebody saw a moment ago."""
        now, reading = self._clock(), self._readings.get(asked[0].name)
        if reading is None or not 0 <= now - reading.at < _FULL_FOR or not reading.counts.done() or reading.failed():
            return None
        counts = reading.counts.result()
        return Look(asked, counts, waits_of(asked, counts, now), now)


def _is_final(bucket: int, now: float) -> bool:
    return now >= (bucket + 1) * BUCKET + _GRACE


def _subject(name: str, bucket: int) -> str:
    return subjects.counter(f"{name}.{bucket}")


def _back(entry: Entry) -> str | None:
    return None if entry.message_id is None else f"{entry.message_id}.back"
