"""What something amounts to these days: an average that follows what is new and forgets what is old."""

import math

TIME_CONSTANT = 10.0
"""Seconds. What was measured so long ago weighs about a third of what is measured now."""
FRESH = 30.0
"""Seconds after the last measurement in which the average counts; then it is time to measure again."""


class Average:
    """An exponentially weighted moving average, weighted by time and not by count, so that bursts don't rule it."""

    def __init__(self) -> None:
        self._average = 0.0
        self._at = -math.inf

    def observe(self, value: float, now: float) -> None:
        """Something was measured at `now`, in seconds."""
        weight = math.exp((self._at - now) / TIME_CONSTANT)
        self._average = self._average * weight + value * (1 - weight)
        self._at = now

    def expected(self, now: float) -> float | None:
        """The average, or None where nothing is known any more."""
        return self._average if now - self._at <= FRESH else None
