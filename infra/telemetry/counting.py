"""Counters, gauges and histograms that count nothing where the registry says so: PENSTOCK_METRICS=false."""

from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry


class Uncounted(CollectorRegistry):
    """A registry in whose name nothing is counted."""


class _Nothing:
    """Takes all that is counted and keeps none of it; its own child for every label."""

    def labels(self, *_: object, **__: object) -> "_Nothing":
        return self

    def inc(self, *_: object) -> None:
        """Nothing."""

    def dec(self, *_: object) -> None:
        """Nothing."""

    def set(self, *_: object) -> None:
        """Nothing."""

    def observe(self, *_: object) -> None:
        """Nothing."""

    def remove(self, *_: object) -> None:
        """Nothing."""

    def clear(self) -> None:
        """Nothing."""


_NOTHING = _Nothing()


class Counter(prometheus_client.Counter):
    """As prometheus_client has it, but for an `Uncounted`."""

    def __new__(cls, *_: Any, registry: CollectorRegistry | None = None, **__: Any) -> Any:  # noqa: ANN401
        """A child, which its parent makes, has no registry."""
        return _NOTHING if isinstance(registry, Uncounted) else super().__new__(cls)


class Gauge(prometheus_client.Gauge):
    """As prometheus_client has it, but for an `Uncounted`."""

    def __new__(cls, *_: Any, registry: CollectorRegistry | None = None, **__: Any) -> Any:  # noqa: ANN401
        """A child, which its parent makes, has no registry."""
        return _NOTHING if isinstance(registry, Uncounted) else super().__new__(cls)


class Histogram(prometheus_client.Histogram):
    """As prometheus_client has it, but for an `Uncounted`."""

    def __new__(cls, *_: Any, registry: CollectorRegistry | None = None, **__: Any) -> Any:  # noqa: ANN401
        """A child, which its parent makes, has no registry."""
        return _NOTHING if isinstance(registry, Uncounted) else super().__new__(cls)
