"""Batches of several kinds: what is of one kind is written together."""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from contracts.subjects import Lane
from infra.database.batches import Batcher
from infra.dispatch.courtesy import Courtesy

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_PATIENCE = 10


class Batchers(Generic[K, T]):
    """A `Batcher` for each kind and lane, for as long as somebody waits for it.

    Bulk work is collected for up to `_PATIENCE` times as long, while more of it comes: what is written together costs
    much less. While bulk work gives way to people there is less of it in hand to wait for.
    """

    def __init__(
        self, write: Callable[[K, list[T]], Awaitable[None]], size: int, linger: float, courtesy: Courtesy
    ) -> None:
        self._write = write
        self._size = size
        self._linger = linger
        self._courtesy = courtesy
        self._batchers: dict[tuple[K, Lane], Batcher[T]] = {}
        self._waiting: Counter[tuple[K, Lane]] = Counter()

    async def add(self, kind: K, lane: Lane, item: T) -> None:
        """Return once the item is written, with others of its kind. Raises what the write raised."""
        key = (kind, lane)
        if (batcher := self._batchers.get(key)) is None:
            batcher = self._batchers[key] = self._new(kind, lane)
        self._waiting[key] += 1
        try:
            await batcher.add(item)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._batchers[key]

    def _new(self, kind: K, lane: Lane) -> Batcher[T]:
        def write(items: list[T]) -> Awaitable[None]:
            return self._write(kind, items)

        if lane is not Lane.BATCH:
            return Batcher(write, self._size, self._linger)
        longest = self._linger * _PATIENCE
        return Batcher(write, self._size, self._linger, longest=longest, coming=self._coming)

    def _coming(self) -> int:
        return self._courtesy.width(self._size)
