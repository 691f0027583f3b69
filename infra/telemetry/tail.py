"""Traces that the ratio leaves out, and that turn out to be worth keeping: one with an error in it, or a slow one.

Each process holds back the spans that it made of such traces, for a minute at most. Whichever of them finds an error or
a slow hop says so to all (`infra.telemetry.kept`), and each sends what it holds of that trace, and what follows.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from infra.telemetry import names

if TYPE_CHECKING:
    from infra.telemetry.tracing import Span

Ended = tuple["Span", str | None, int]
"""A span, the sentence that says why it failed, and when it ended, in nanoseconds since 1970."""
_HELD_NS = 60 * 10**9
_REMEMBERED = 10_000
"""Traces that are kept, of which more spans may come."""


class Tail:
    """What one process holds back. `send` takes a span that is to be exported, `tell` a trace id for the others.

    At most `capacity` spans are held, the oldest traces go first; `slow` is in seconds.
    """

    def __init__(self, send: Callable[[Ended], None], *, capacity: int, slow: float) -> None:
        self.tell: Callable[[int], None] = lambda _: None
        self._send = send
        self._capacity = capacity
        self._slow_ns = round(slow * 1e9)
        self._held: OrderedDict[int, list[Ended]] = OrderedDict()
        self._count = 0
        self._kept: OrderedDict[int, None] = OrderedDict()

    def take(self, ended: Ended) -> None:
        """A span has ended whose trace the ratio leaves out."""
        trace_id = ended[0].context.trace_id
        if trace_id in self._kept:
            self._send(ended)
        elif self._is_worth_it(ended):
            self.keep(trace_id)
            self._send(ended)
            self.tell(trace_id)
        else:
            self._hold(trace_id, ended)

    def keep(self, trace_id: int) -> None:
        """Send what is held of a trace, and what comes of it from now on."""
        self._kept[trace_id] = None
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        for ended in self._let_go(trace_id):
            self._send(ended)

    def _hold(self, trace_id: int, ended: Ended) -> None:
        self._held.setdefault(trace_id, []).append(ended)
        self._count += 1
        while self._held and (self._count > self._capacity or self._oldest_ended() < ended[2] - _HELD_NS):
            self._let_go(next(iter(self._held)))

    def _oldest_ended(self) -> int:
        """When the first span ended of the trace that is held the longest."""
        return next(iter(self._held.values()))[0][2]

    def _let_go(self, trace_id: int) -> list[Ended]:
        found = self._held.pop(trace_id, [])
        self._count -= len(found)
        return found

    def _is_worth_it(self, ended: Ended) -> bool:
        span, error, ended_ns = ended
        if error is not None:
            return True
        if span.kind not in (SpanKind.SERVER, SpanKind.CONSUMER):
            return False
        waited = span.attributes.get(names.QUEUE_WAIT_MS, 0.0)
        waited_ns = waited * 1e6 if isinstance(waited, int | float) else 0
        return ended_ns - span.started_ns + waited_ns >= self._slow_ns
