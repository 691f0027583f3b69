"""Traces that the ratio leaves out: held back, and sent after all where one of their spans fails or is slow."""

from typing import cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanKind

from infra.telemetry import names
from infra.telemetry.tail import Ended, Tail
from infra.telemetry.tracing import Finished, Span, TraceContext, Tracer

SLOW = 2.0


class Exported(SpanProcessor):
    """Keeps what would be exported."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.names.append(cast(Finished, span).span.name)


class Process:
    """A process's tracer, with the ratio 0."""

    def __init__(self, capacity: int = 100) -> None:
        self.exported = Exported()
        self.tail = Tail(self._send, capacity=capacity, slow=SLOW)
        self.told: list[int] = []
        self.tail.tell = self.told.append
        self.tracer = Tracer("test", self.exported, 0.0, self.tail)

    def _send(self, ended: Ended) -> None:
        span, error, ended_ns = ended
        self.tracer.export(span, error, ended_ns)

    def begun(
        self, name: str, parent: TraceContext | None = None, kind: SpanKind = SpanKind.CONSUMER, seconds: float = 0.0
    ) -> Span:
        """A span that began so many seconds ago."""
        span = self.tracer.start(name, kind, parent, {})
        span.started_ns -= round(seconds * 1e9)
        return span

    def ended(self, name: str, parent: TraceContext | None = None, error: str | None = None) -> TraceContext:
        """The context of a span that has ended."""
        span = self.begun(name, parent)
        span.end(error)
        return span.context


@pytest.fixture
def process() -> Process:
    return Process()


def test_what_is_well_and_quick_is_not_exported(process: Process) -> None:
    root = process.ended("root")
    process.ended("child", root)
    assert (process.exported.names, process.told) == ([], [])


def test_an_error_brings_what_came_before_it_and_what_comes_after(process: Process) -> None:
    root = process.ended("before")
    process.ended("another trace")
    process.ended("failed", root, error="the provider broke off")
    process.ended("after", root)
    assert process.exported.names == ["before", "failed", "after"]
    assert process.told == [root.trace_id]


@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CONSUMER])
def test_a_slow_hop_is_kept(process: Process, kind: SpanKind) -> None:
    process.begun("slow", kind=kind, seconds=SLOW).end()
    process.begun("quick", kind=kind, seconds=SLOW / 2).end()
    assert process.exported.names == ["slow"]


def test_a_message_that_waited_long_is_slow(process: Process) -> None:
    span = process.begun("waited")
    span.attributes[names.QUEUE_WAIT_MS] = SLOW * 1000
    span.end()
    assert process.exported.names == ["waited"]


def test_a_trace_that_another_process_keeps_is_sent_from_here_and_told_to_nobody(process: Process) -> None:
    root = process.ended("before")
    process.tail.keep(root.trace_id)
    process.ended("after", root, error="failed as well")
    assert (process.exported.names, process.told) == (["before", "after"], [])


def test_the_oldest_traces_go_first_where_there_are_too_many() -> None:
    process = Process(capacity=3)
    roots = [process.ended(f"root {number}") for number in range(4)]
    for root in roots:
        process.tail.keep(root.trace_id)
    assert process.exported.names == ["root 1", "root 2", "root 3"]


def test_a_minute_later_it_is_too_late(process: Process) -> None:
    old = process.begun("old")
    process.tail.take((old, None, old.started_ns))
    new = process.begun("new", seconds=-61)
    process.tail.take((new, None, new.started_ns))
    for span in (old, new):
        process.tail.keep(span.context.trace_id)
    assert process.exported.names == ["new"]


def test_what_links_to_a_sampled_span_is_sampled(process: Process) -> None:
    before = TraceContext(7, 8, sampled=True)
    span = process.tracer.start("redriven", SpanKind.CONSUMER, None, {}, links=(before,))
    assert span.context.sampled
    assert span.context.trace_id != before.trace_id
