"""What was read of the database is answered from memory for a moment, and for longer while the database is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import ErrorCode, PenstockError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_FRESH, _KEPT = 0.5, 1.0
_MOST_ENTRIES = 20_000


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    read_at: float
    age: int


class Fresh(Generic[K, V]):
    """Values by key, none older than a second: one older than half of that is read anew behind its readers' backs.

    Of many, those are remembered that were read last. `confirmed_at` is the last moment, by the monotonic clock, at
    which all was right that had been read and not been forgotten since: that is as good as having read it then.
    `without_database` is for how many seconds an older one still counts while the database is away.
    """

    def __init__(
        self,
        read: Callable[[K], Awaitable[V]],
        *,
        what: str,
        stage: str,
        without_database: float = 30.0,
        confirmed_at: Callable[[], float] = lambda: float("-inf"),
    ) -> None:
        self._read_value = read
        self._what = what
        self._stage = stage
        self._without_database = without_database
        self._confirmed_at = confirmed_at
        self._entries: dict[K, _Entry[V]] = {}
        self._reading: dict[K, asyncio.Task[V]] = {}
        self._age = 0

    async def get(self, key: K) -> V:
        """Raises `PenstockError` (`pipeline_unavailable`, retryable) where it can't be known."""
        entry = self._entries.get(key)
        age = time.monotonic() - self._right_at(entry) if entry else float("inf")
        if entry and age < _FRESH:
            return entry.value
        reading = self._reading.get(key) or self._read(key)
        if entry and age < _KEPT:
            return entry.value
        try:
            return await asyncio.shield(reading)
        except (SQLAlchemyError, OSError) as error:
            if entry and age < self._without_database:
                return entry.value
            message = f"{self._what} can't be checked: the database can't be reached"
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=self._stage, retryable=True) from error

    def last(self, key: K) -> V | None:
        """What was read of it last, however long ago; None where nobody remembers."""
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def forget(self) -> None:
        """Something was changed: everything is read anew by the next who asks, what is being read included."""
        self._age += 1
        self._reading.clear()
        for entry in self._entries.values():
            entry.read_at = min(entry.read_at, time.monotonic() - _KEPT)

    def _right_at(self, entry: _Entry[V]) -> float:
        return max(entry.read_at, self._confirmed_at()) if entry.age == self._age else entry.read_at

    def _read(self, key: K) -> "asyncio.Task[V]":
        task = asyncio.create_task(self._fetch(key))
        self._reading[key] = task
        task.add_done_callback(lambda done: self._settled(key, done))
        return task

    async def _fetch(self, key: K) -> V:
        age = self._age
        value = await self._read_value(key)
        # What was read longest ago stands first.
        self._entries.pop(key, None)
        if len(self._entries) >= _MOST_ENTRIES:
            del self._entries[next(iter(self._entries))]
        # Read before a change that was told of meanwhile: it answers who waits for it, and is not kept as new.
        self._entries[key] = _Entry(value, time.monotonic() - (0.0 if age == self._age else _KEPT), age)
        return value

    def _settled(self, key: K, task: "asyncio.Task[V]") -> None:
        if self._reading.get(key) is task:
            del self._reading[key]
        if not task.cancelled():
            # A background refresh that failed needs no report of its own: the next request asks again, and tells.
            task.exception()
