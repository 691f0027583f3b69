"""Spans of one request across processes: W3C trace context in, OpenTelemetry spans out.

A span is handed to the SDK's processor as one finished record. Going through the SDK's tracer costs 39 µs a span where
this costs about 8 (ADR 0005), and a request has some fifteen of them; batching, resources and the OTLP export stay the
SDK's.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from infra.telemetry import names
from infra.telemetry.baggage import Reach
from infra.telemetry.tail import Tail

AttributeValue = str | bool | int | float | Sequence[str]
_SAMPLED, _DROPPED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(0)
SCOPE = InstrumentationScope("penstock", "1")
_EXPORTED = SpanContext(1, 1, is_remote=True, trace_flags=_SAMPLED)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where a span stands: what `traceparent` carries."""

    trace_id: int
    span_id: int
    sampled: bool

    def traceparent(self) -> str:
        """The W3C header of this span."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{'01' if self.sampled else '00'}"

    def span_context(self) -> SpanContext:
        """The same as the SDK writes it."""
        return SpanContext(self.trace_id, self.span_id, is_remote=True, trace_flags=self.flags)

    @property
    def flags(self) -> TraceFlags:
        return _SAMPLED if self.sampled else _DROPPED


def parse_traceparent(header: str | None) -> TraceContext | None:
    """The context of a W3C `traceparent`, or None where it is absent or malformed: then a new trace starts."""
    if header is None or len(header) < 55 or header[:2] == "ff" or (header[2], header[35], header[52]) != ("-",) * 3:
        return None
    try:
        trace_id, span_id, flags = int(header[3:35], 16), int(header[36:52], 16), int(header[53:55], 16)
    except ValueError:
        return None
    return TraceContext(trace_id, span_id, bool(flags & 1)) if trace_id and span_id else None


@dataclass(slots=True)
class Span:
    """One hop, wait or call. Set attributes while it runs; `end` records it once."""

    tracer: "Tracer"
    name: str
    kind: SpanKind
    context: TraceContext
    parent: TraceContext | None
    attributes: dict[str, AttributeValue]
    links: Sequence[TraceContext] = ()
    events: list[Event] = field(default_factory=list)
    started_ns: int = field(default_factory=time.time_ns)

    def add_event(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        """Something that happened, or was decided, at this moment of the span."""
        self.events.append(Event(name, dict(attributes), time.time_ns()))

    def end(self, error: str | None = None) -> None:
        """Close the span; `error` is the sentence that explains why it failed, and becomes an `exception` event."""
        ended_ns = time.time_ns()
        if error is not None:
            kind = self.attributes.get(names.ERROR_TYPE, names.OTHER_ERROR)
            told = {names.EXCEPTION_TYPE: kind, names.EXCEPTION_MESSAGE: error}
            self.events.append(Event(names.EXCEPTION, told, ended_ns))
        self.tracer.record(self, error, ended_ns)


@dataclass(frozen=True, slots=True)
class Finished:
    """A span that has ended, on its way to an exporter; `error` is the sentence of a failed one."""

    span: Span
    error: str | None
    ended_ns: int
    resource: Resource

    @property
    def context(self) -> SpanContext:
        """All that the SDK's processor asks: it drops what is not sampled, and what comes here is to be exported."""
        return _EXPORTED

    def readable(self) -> ReadableSpan:
        """The same as the SDK has it."""
        span = self.span
        return ReadableSpan(
            name=span.name,
            context=replace(span.context, sampled=True).span_context(),
            parent=span.parent.span_context() if span.parent else None,
            resource=self.resource,
            attributes=span.attributes,
            events=span.events,
            links=[Link(link.span_context()) for link in span.links],
            kind=span.kind,
            status=Status(StatusCode.UNSET) if self.error is None else Status(StatusCode.ERROR, self.error),
            start_time=span.started_ns,
            end_time=self.ended_ns,
            instrumentation_scope=SCOPE,
        )


class Tracer:
    """Makes the spans of one service. Without a processor nothing is recorded, but contexts still travel."""

    def __init__(
        self,
        service: str,
        processor: SpanProcessor | None,
        ratio: float = 1.0,
        tail: Tail | None = None,
        baggage: Reach = "off",
    ) -> None:
        self.service = service
        self.baggage = baggage
        self._processor = processor
        self._tail = tail
        self.resource = Resource.create({"service.name": f"penstock-{service}", "service.namespace": "penstock"})
        # TraceIdRatioBased compares the low 64 bits of the trace id with this bound.
        self._bound = round(ratio * (1 << 64))

    def start(
        self,
        name: str,
        kind: SpanKind,
        parent: TraceContext | None,
        attributes: dict[str, AttributeValue],
        *,
        links: Sequence[TraceContext] = (),
    ) -> Span:
        """A span that runs from now. Its sampling is its parent's, or for a first span drawn by the ratio.

        A first span that links to one that is sampled is sampled: a link that leads nowhere helps nobody.
        """
        if parent is None:
            trace_id = random.getrandbits(128) or 1
            drawn = (trace_id & ((1 << 64) - 1)) < self._bound
            sampled = self._processor is not None and (drawn or any(link.sampled for link in links))
        else:
            trace_id, sampled = parent.trace_id, parent.sampled
        context = TraceContext(trace_id, random.getrandbits(64) or 1, sampled)
        return Span(self, name, kind, context, parent, attributes, links)

    def record(self, span: Span, error: str | None, ended_ns: int) -> None:
        """Hand a finished span to the processor, or to the tail where the ratio leaves its trace out."""
        if self._processor is None:
            return
        if span.context.sampled:
            self.export(span, error, ended_ns)
        elif self._tail is not None:
            self._tail.take((span, error, ended_ns))

    def export(self, span: Span, error: str | None, ended_ns: int) -> None:
        """Hand a finished span to the processor, whatever was drawn for its trace."""
        if self._processor is not None:
            # The processor hands on what it is given, and looks at nothing of it but its context.
            self._processor.on_end(cast(ReadableSpan, Finished(span, error, ended_ns, self.resource)))
