"""Finds out when everything that was on the document queues at one moment has been through all of them.

A message is acked only when what comes of it is stored: on the next queue, or in the index. So once a queue's first
message is newer than the newest of that moment, all of its work is on the next one; after the last queue, it is done.
What was on its way at that moment and still isn't indexed is lost: its message is on no queue any more.
"""

from datetime import datetime

from infra.streams import CHUNKED, EMBEDDED, SUBMITTED

_QUEUES = (SUBMITTED, CHUNKED, EMBEDDED)


class Sweep:
    """One sweep after another; ask `see` about `queue` again and again."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._place = 0
        self._newest: int | None = None

    @property
    def queue(self) -> str:
        """The stream whose bounds are asked for next."""
        return _QUEUES[self._place]

    def see(self, first: int, last: int, at: datetime) -> datetime | None:
        """The sequences of the first message on the queue and of the last that ever was, read after the moment `at`; of
        an empty queue, the first one is the next that comes.

        The moment of the beginning, where a sweep is through.
        """
        if self._began is None:
            self._began = at
        if self._newest is None:
            self._newest = last
        if first <= self._newest:
            return None
        self._place, self._newest = self._place + 1, None
        if self._place < len(_QUEUES):
            return None
        began, self._began, self._place = self._began, None, 0
        return began
