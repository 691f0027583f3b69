"""Windows in which a request need not wait to be counted: a process takes a few places ahead of it (ADR 0032).

A place is counted like a request, on the same counters and before it is given, so no more pass than may. What could go
wrong is that a place which nobody needs keeps somebody out. So places are taken only for what asks often, and while
there is plenty of room; they are handed back when their bucket is over or nobody has asked for a second; and before
anybody is refused, all processes are asked to hand back what they hold (`infra.limits.windows`).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from nats.aio.client import Client

from contracts import subjects
from contracts.errors import PenstockError
from infra.counters import Counters
from infra.limits.counted import Asked, Entry, Full, Kind, Passed
from infra.limits.look import by_counter
from infra.limits.places import Places, beside, is_plenty
from infra.limits.window import BUCKET, bucket_of
from infra.limits.windows import Windows
from infra.recalls import Recalls
from infra.upkeep import BEHIND, OFTEN, Upkeep

_MOST = 10_000
_IN_HAND = 1024
"""More requests than a process has in hand, of which it knows that they have passed."""

_Which = tuple[tuple[str, Kind, int], ...]
"""The windows that something asks for, whatever it asks of them."""


class _Seen(NamedTuple):
    """When somebody last asked, by the loop's clock, and the tokens of the largest request of then."""

    at: float
    size: int


class _Before(NamedTuple):
    """What was counted for a request."""

    which: _Which
    passed: Passed


class _Row(Upkeep):
    """Places, for as long as somebody asks for them. `largest`: tokens of the largest request that has."""

    def __init__(self, places: Places, largest: int) -> None:
        super().__init__()
        self.places = places
        self.largest = largest


class Ahead:
    """The windows of a process, with places taken ahead. Errors are those of `Windows`."""

    def __init__(self, counters: Counters, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._recalls = Recalls(client, subjects.places_recalled(), self._end)
        self.windows = Windows(counters, clock, self._recalls.ask)
        self._clock = clock
        self._rows: dict[_Which, _Row] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._seen: dict[_Which, _Seen] = {}
        self._before: OrderedDict[str, _Before] = OrderedDict()
        self._closed = False

    async def open(self) -> None:
        """Listen to those who need places back."""
        await self._recalls.open()

    async def close(self) -> None:
        """Hand back all places, and take no more."""
        self._closed = True
        for row in self._rows.values():
            row.end()
        await asyncio.gather(*self._keeping)

    async def count(self, asked: Sequence[Asked], key: str) -> Passed | Full:
        """Count all of it, or nothing. What has the same `key` within two minutes is the same, and counts once; twice
        where one of both was given a place, and the process that had counted it has died or had many more meanwhile.
        """
        which = tuple((one.name, one.kind, one.limit) for one in asked)
        if (before := self._before.get(key)) is not None and before.which == which:
            return before.passed
        tokens = max((one.amount for one in asked if one.kind is Kind.TOKENS), default=0)
        row = self._rows.get(which)
        if row is None:
            found = await self.windows.count(asked, key)
            if isinstance(found, Passed):
                self._begin(which, asked, found, tokens)
        else:
            self._asked_for(row, tokens)
            found = self._given(row, key, tokens) or await self._count_past(row, asked, key, tokens)
        if isinstance(found, Passed):
            self._remember(key, _Before(which, found))
        return found

    async def take_back(self, key: str, entries: Iterable[Entry]) -> None:
        """As if it had never been counted."""
        await self.windows.take_back(entries)
        # Not before: what could not be taken back is to be, and once, when the message comes again.
        self._before.pop(key, None)

    def _given(self, row: _Row, key: str, tokens: int) -> Passed | None:
        now = self._clock()
        return row.places.give(key, tokens, now) if not row.over and row.places.has(tokens, now) else None

    async def _count_past(self, row: _Row, asked: Sequence[Asked], key: str, tokens: int) -> Passed | Full:
        own = row.places.count_past(tokens)
        found = await self.windows.count(asked, key)
        if isinstance(found, Full):
            return found
        return Passed(found.entries, lambda: beside(asked, found.look_up(), own))

    def _remember(self, key: str, before: _Before) -> None:
        self._before[key] = before
        if len(self._before) > _IN_HAND:
            self._before.popitem(last=False)

    def _asked_for(self, row: _Row, tokens: int) -> None:
        row.largest = max(row.largest, tokens)
        row.places.size = max(row.places.size, tokens)
        row.use()

    def _begin(self, which: _Which, asked: Sequence[Asked], found: Passed, tokens: int) -> None:
        """Who asks often has its next places taken ahead."""
        now, seen = asyncio.get_running_loop().time(), self._seen.get(which)
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[which] = _Seen(now, tokens)
        if seen is None or now - seen.at > OFTEN or which in self._rows or not self._may_take(asked, tokens):
            return
        places = Places(tuple(asked), bucket_of(self._clock()), max(tokens, seen.size))
        row = self._rows[which] = _Row(places, tokens)
        task = asyncio.create_task(self._keep(which, row, found))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    def _may_take(self, asked: Sequence[Asked], size: int) -> bool:
        """Also whether there could ever be plenty of room: for small limits nothing is begun at all."""
        recalled = self._recalls.left_alone(one.name for one in asked)
        most = [one.limit for one in asked]
        return not (recalled or self._closed or len(self._rows) >= _MOST) and is_plenty(asked, most, size)

    async def _keep(self, which: _Which, row: _Row, found: Passed) -> None:
        """Have places there for as long as somebody asks for them, within one bucket."""
        try:
            await asyncio.sleep(BEHIND)
            row.places.room = tuple(standing.remaining for standing in found.standings)
            while is_plenty(row.places.asked, row.places.room, row.places.size) and not row.over:
                last = row.last
                if not await self._take(row.places) or not await row.used_since(last, self._left(row)):
                    break
        finally:
            row.end()
            del self._rows[which]
            self._seen[which] = _Seen(row.last, row.largest)
            await self._hand_back(row.places)

    async def _take(self, places: Places) -> bool:
        """Whether there is plenty of room after it."""
        now = self._clock()
        wanted = places.wanted(now)
        if wanted is None:
            return True
        try:
            looks = await self.windows.take(by_counter(wanted.asked), at=now, places=wanted.places - wanted.told)
        except PenstockError:
            # Who comes next is told of it. What may be counted all the same keeps somebody out for a minute.
            return False
        return places.took(wanted, looks)

    def _left(self, row: _Row) -> float:
        """Seconds until the bucket is over."""
        return (row.places.bucket + 1) * BUCKET - self._clock()

    async def _hand_back(self, places: Places) -> None:
        # If it can't be said now, the places count until they leave the window.
        with suppress(PenstockError):
            await self.windows.take_back(places.rest())

    def _end(self, names: Collection[str]) -> None:
        """Of places on any of these counters."""
        for row in self._rows.values():
            if any(one.name in names for one in row.places.asked):
                row.end()
