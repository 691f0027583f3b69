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

Of what counts, some may be places that a process has taken ahead (`infra.limits.ahead`). Nobody is refused for their
sake: they are recalled first.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from infra.counters import Addition, Counters, Increment
from infra.limits.counted import Asked, Entry, Full, Kind, Passed, packed, packed_places
from infra.limits.look import SETTLE, AskedOf, Look, by_counter, full_of, passed_of, waits_of
from infra.limits.reading import SKEW, Readings, is_final, subject_of
from infra.limits.window import BUCKET, PAST, bucket_in, bucket_of, still_counts

_ROUNDS = 8
_PATIENCE = 0.5
"""Seconds in which places are handed back. Those that are not by then have lost their process, and count."""
_LESS_PATIENCE = 3 * SETTLE
"""The same for as many as have been lost before: they are hardly somebody else's."""
_MOST_NAMES = 10_000

Recall = Callable[[Sequence[str]], Awaitable[None]]
"""Asks all processes to hand back the places that they have taken ahead on these counters."""


class _Counting(NamedTuple):
    """When something was counted, beside which buckets that are known, and how long to wait for it at `least`."""

    started: float
    settled: Sequence[int]
    least: float


class Windows:
    """All windows that a process counts in. Every method raises `PenstockError` (`pipeline_unavailable`)."""

    def __init__(
        self, counters: Counters, clock: Callable[[], float] = time.time, recall: Recall | None = None
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._recall = recall
        self._readings = Readings(counters, clock)
        self._lost: dict[str, Mapping[int, int]] = {}

    async def count(self, asked: Sequence[Asked], key: str | None = None) -> Passed | Full:
        """Count all of it, or nothing. What has the same `key` within two minutes is the same, and counts once."""
        counters = by_counter(asked)
        if known := self._known_to_be_full(asked, counters):
            return known
        looks: Sequence[Look] = ()
        for number in range(_ROUNDS):
            ids = {name: None if key is None else f"{key}.{name}.{number}" for name in counters}
            looks = await self.take(counters, ids, at=self._clock() + (SKEW if number else 0.0))
            counted = passed_of(asked, looks)
            if not any(look.full for look in looks):
                return counted
            await self.take_back(counted.entries)
            since = asyncio.get_running_loop().time() + SETTLE / 2
            # Longer each time, and not the same for everybody.
            await asyncio.sleep(SETTLE * (number + random.uniform(1, 2)))
            looks = await self._look(counters, since)
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

    async def take(
        self,
        counters: AskedOf,
        ids: Mapping[str, str | None] | None = None,
        *,
        at: float,
        places: int = 0,
    ) -> list[Look]:
        """Count what is asked of each counter, and see whether it fits beside what the others had counted by then.

        Whatever that says, it is counted. `at`: in the bucket of that moment, by this process's clock. `places`: so
        many more of what counts are places that were taken ahead.
        """
        ids, bucket = ids or {}, bucket_of(at)
        settled = range(bucket - PAST, bucket if is_final(bucket - 1, at) else bucket - 1)
        adding = self._counters.add_all(
            [
                Addition(subject_of(name, bucket), _packed(asked) + packed_places(places), ids.get(name))
                for name, asked in counters.items()
            ]
        )
        if unknown := [name for name in counters if self._readings.missing(name, settled)]:
            learning = asyncio.gather(*(self._readings.learnt(name, settled) for name in unknown))
            increments, _ = await asyncio.gather(adding, learning)
        else:
            increments = await adding
        ended, border = self._clock(), (bucket + 1) * BUCKET
        beside = [] if settled[-1] == bucket - 1 else [bucket - 1]
        beside += [bucket + 1] if ended > border - SKEW else []
        found: Sequence[dict[int, int]] = [{}] * len(counters)
        if beside:
            found = await asyncio.gather(*(self._readings.read(name, beside) for name in counters))
        of = _Counting(at, settled, SETTLE if ended > border + SKEW else 0.0)
        return [
            await self._taken(of, asked, ids.get(name), increment, also)
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
        name, amount = asked[0].name, _packed(asked)
        # Another may have made room for names meanwhile.
        await self._readings.learnt(name, of.settled)
        known = self._readings.known(name)
        counts = {number: known[number] for number in of.settled if known[number]}
        counted = bucket_in(increment.subject)
        entry = Entry(increment.subject, amount, message_id, repeated=counted != bucket_of(of.started))
        counts[counted] = increment.value - amount
        if entry.repeated:
            # As it was then: what came after it has seen it.
            then = (counted + 1) * BUCKET - SKEW
            before = {number: count for number, count in counts.items() if number <= counted}
            return Look(asked, before, waits_of(asked, before, then), then, entry)
        counts |= beside
        return Look(asked, counts, waits_of(asked, counts, of.started, of.least), of.started, entry)

    async def _look(self, counters: AskedOf, since: float) -> Sequence[Look]:
        """See whether it would fit, once what is full has no places any more that somebody has taken ahead."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            looks = await asyncio.gather(*(self._readings.look(of, since) for of in counters.values()))
            held = {look.name: look.places for look in looks if look.full and look.places}
            if not held or self._recall is None:
                return looks
            patience = _PATIENCE if any(self._may_come_back(look) for look in looks) else _LESS_PATIENCE
            if loop.time() - began >= patience:
                self._lost = (self._lost if len(self._lost) < _MOST_NAMES else {}) | held
                return looks
            await self._recall(tuple(held))
            since = loop.time() + SETTLE / 2
            await asyncio.sleep(SETTLE)

    def _may_come_back(self, look: Look) -> bool:
        """Whether what is full has more places than are known to be lost."""
        lost = self._lost.get(look.name, {})
        return look.full and any(number > lost.get(bucket, 0) for bucket, number in look.places.items())

    def _known_to_be_full(self, asked: Sequence[Asked], counters: AskedOf) -> Full | None:
        looks = [look for of in counters.values() if (look := self._readings.seen(of))]
        known = [look for look in looks if not self._may_come_back(look)]
        return full_of(asked, known) if any(look.full for look in known) else None


def _packed(asked: Iterable[Asked]) -> int:
    return sum(packed(one.kind, one.amount) for one in asked)


def _back(entry: Entry) -> str | None:
    return None if entry.message_id is None else f"{entry.message_id}.back"
