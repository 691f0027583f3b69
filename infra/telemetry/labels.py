"""What keeps the number of series small: labels whose values come from outside have a limit."""

from collections.abc import Sequence

from infra.telemetry.counting import Gauge

OTHER = "other"


class Capped:
    """A label's values: the first `most` that are seen stand for themselves, all others are `other`.

    For the life of the process: a value that changed its name later would be two series with half the truth each.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value as a label has it."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value


class LatestGauge:
    """A gauge that tells of the `most` label sets that were set last, and forgets the others."""

    def __init__(self, gauge: Gauge, most: int) -> None:
        self._gauge = gauge
        self._most = most
        self._told: dict[tuple[str, ...], None] = {}

    def set(self, labels: Sequence[str], value: float) -> None:
        """Tell a value, by its labels in the gauge's order."""
        key = tuple(labels)
        self._told.pop(key, None)
        self._told[key] = None
        self._gauge.labels(*key).set(value)
        if len(self._told) > self._most:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._gauge.remove(*oldest)
