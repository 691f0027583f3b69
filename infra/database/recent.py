"""What a server was told last, for one that dies before it is on the disk."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
ON_DISK_AFTER = 2.0
"""Seconds. The server writes within three times its `wal_writer_delay` (200 ms): so says its manual, of asynchronous
commits. https://www.postgresql.org/docs/18/wal-async-commit.html"""


class Recent(Generic[T]):
    """The last things that it said were done, and when (seconds, monotonic).

    When a server died is not known, only when it answered last: what it was told just before that it may have
    forgotten.
    """

    def __init__(self) -> None:
        self._told: deque[tuple[float, T]] = deque()

    def add(self, told: Iterable[T], now: float) -> None:
        """The server has answered that this is done; what is on its disk by now is let go."""
        self._told.extend((now, one) for one in told)
        while self._told and now - self._told[0][0] > ON_DISK_AFTER:
            self._told.popleft()

    def __iter__(self) -> Iterator[T]:
        return (one for _, one in self._told)
