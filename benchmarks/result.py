"""What one run of the load generator found."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any


@dataclass(frozen=True)
class Percentiles:
    """Of one run, in milliseconds."""

    p50: float
    p99: float
    maximum: float

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> "Percentiles":
        """By nearest rank. Raises `ValueError` where there is no sample."""
        if not nanoseconds:
            raise ValueError("there is no sample")
        ordered = sorted(nanoseconds)
        return cls(_rank(ordered, 0.50), _rank(ordered, 0.99), ordered[-1] / 1e6)


@dataclass(frozen=True)
class LoadResult:
    """`seconds` from the first request's start to the last answer's end; `cpu_us` is the generator's own, a request."""

    requests: int
    seconds: float
    cpu_us: float
    latency: Percentiles | None
    first_token: Percentiles | None = None
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests that were answered rightly, a second."""
        return self.requests / self.seconds

    def as_json(self) -> dict[str, Any]:
        """As the load generator prints it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "LoadResult":
        """The inverse of `as_json`."""
        parts = {name: Percentiles(**value[name]) if value[name] else None for name in ("latency", "first_token")}
        return cls(**(value | parts))


def _rank(ordered: Sequence[int], share: float) -> float:
    return ordered[max(0, ceil(share * len(ordered)) - 1)] / 1e6
