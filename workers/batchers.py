"""Batches of several kinds: what is of one kind is written together."""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from infra.database.batches import Batcher

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Batchers(Generic[K, T]):
    """A `Batcher` for each kind, for as long as somebody waits for it."""

    def __init__(self, write: Callable[[K, list[T]], Awaitable[None]], size: int, linger: float) -> None:
        self._write = write
        self._size = size
        self._linger = linger
        self._batchers: dict[K, Batcher[T]] = {}
        self._waiting: Counter[K] = Counter()

    async def add(self, kind: K, item: T) -> None:
        """Return once the item is written, with others of its kind. Raises what the write raised."""
        if (batcher := self._batchers.get(kind)) is None:
            batcher = self._batchers[kind] = Batcher(lambda items: self._write(kind, items), self._size, self._linger)
        self._waiting[kind] += 1
        try:
            await batcher.add(item)
        finally:
            self._waiting[kind] -= 1
            if not self._waiting[kind]:
                del self._waiting[kind], self._batchers[kind]
