"""How fast a re-index goes, by what it did in the last seconds."""

from collections import deque

_WINDOW = 20.0
"""Seconds. Longer than a provider's pause after a 429, and short enough to show that one slows down."""


class Rate:
    """Documents a second over a sliding window."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, at: float, done: int) -> float:
        """Note that `done` documents are through at `at`, in seconds of any clock; the rate now.

        Fewer than before (documents have changed, and are pending again) begins a new window.
        """
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((at, done))
        while len(self._seen) > 2 and self._seen[1][0] <= at - _WINDOW:
            self._seen.popleft()
        (began, before), seconds = self._seen[0], at - self._seen[0][0]
        return (done - before) / seconds if at > began else 0.0

    def rest(self) -> None:
        """Nothing is to be done for a while: that says nothing of the rate afterwards."""
        self._seen.clear()
