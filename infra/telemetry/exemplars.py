"""Exemplars: single observations of a histogram that name the trace they were made in."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from infra.telemetry.counting import Histogram
from infra.telemetry.tracing import TraceContext

TRACE_ID, SPAN_ID = "trace_id", "span_id"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
"""The buckets of what takes a while."""
_PAUSE = 1.0
_SLOW = 1.0


class Traced:
    """One child of a histogram of seconds whose observations may carry their trace.

    Only sampled ones, as a link to a trace that nobody kept leads nowhere; and one a second, which is more than a
    scrape can show, or any that is slow, which is what people look for. An exemplar costs 4 µs, the rest 1.
    """

    __slots__ = ("_child", "_clock", "_next")

    def __init__(self, child: Histogram, clock: Callable[[], float] = time.monotonic) -> None:
        self._child = child
        self._clock = clock
        self._next = float("-inf")

    def observe(self, seconds: float, trace: TraceContext | None) -> None:
        """Count one observation; `trace` is where it was made, if it is known."""
        if trace is None or not trace.sampled:
            self._child.observe(seconds)
            return
        now = self._clock()
        if seconds < _SLOW and now < self._next:
            self._child.observe(seconds)
            return
        self._next = now + _PAUSE
        self._child.observe(seconds, {TRACE_ID: f"{trace.trace_id:032x}", SPAN_ID: f"{trace.span_id:016x}"})


class TracedSeconds:
    """A histogram with one label, its children looked up once."""

    def __init__(self, name: str, told: str, label: str, registry: CollectorRegistry) -> None:
        self._histogram = Histogram(name, told, (label,), buckets=SECONDS, registry=registry)
        self._children: dict[str, Traced] = {}

    def observe(self, label: str, seconds: float, trace: TraceContext | None) -> None:
        """Count one observation."""
        child = self._children.get(label)
        if child is None:
            child = self._children[label] = Traced(self._histogram.labels(label))
        child.observe(seconds, trace)
