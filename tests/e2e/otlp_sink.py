"""An OpenTelemetry collector for tests: takes OTLP over HTTP, decodes it, and lets a test wait for a trace."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """One exported span; ids in hexadecimal, `parent_id` empty for a root, times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    attributes: Attributes
    error: str | None
    links: tuple[str, ...]
    started_ns: int
    ended_ns: int


class Trace:
    """The spans of one trace that have arrived so far."""

    def __init__(self, spans: list[SeenSpan]) -> None:
        self.spans = sorted(spans, key=lambda span: span.started_ns)

    def named(self, name: str) -> list[SeenSpan]:
        """All spans of a name, the earliest first."""
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> SeenSpan:
        """The only span of a name."""
        found = self.named(name)
        assert len(found) == 1, f"{len(found)} spans are named «{name}»; there are {[span.name for span in self.spans]}"
        return found[0]

    def has(self, *names: str) -> bool:
        """Whether a span of each name is there."""
        return set(names) <= {span.name for span in self.spans}

    def any(self) -> bool:
        """Whether there is a span of it at all."""
        return bool(self.spans)

    def is_whole(self) -> bool:
        """Whether nothing more is to come: the request is answered, each parent is there, each message processed.

        A process exports a span when it ends, so a parent comes after its children, and a hop when it likes. Nobody
        processes `failed`: it is there to be read.
        """
        ids, parents = {span.span_id for span in self.spans}, {span.parent_id for span in self.spans}
        return all(
            (span.kind == "SERVER" or span.parent_id in ids)
            and (span.kind != "PRODUCER" or ".failed." in span.name or span.span_id in parents)
            for span in self.spans
        ) and any(span.kind == "SERVER" for span in self.spans)


class OtlpSink:
    """What was exported. Safe to read while more arrives."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._arrived = threading.Condition()
        self._traces: dict[str, list[SeenSpan]] = {}
        self._exports: list[bytes] = []

    def take(self, body: bytes) -> None:
        """Store one export."""
        spans = list(_spans(ExportTraceServiceRequest.FromString(body)))
        with self._arrived:
            self._exports.append(body)
            for span in spans:
                self._traces.setdefault(span.trace_id, []).append(span)
            self._arrived.notify_all()

    def wait_for(self, trace_id: str, whole: Callable[[Trace], bool], within: float = 10.0) -> Trace:
        """The trace, once `whole` is true of it."""
        with self._arrived:
            there = self._arrived.wait_for(lambda: whole(Trace(self._traces.get(trace_id, []))), within)
            trace = Trace(self._traces.get(trace_id, []))
        assert there, f"not within {within:g} s: all of trace {trace_id}; it has {[span.name for span in trace.spans]}"
        return trace

    def having(self, attribute: str, value: object) -> list[SeenSpan]:
        """The spans of which an attribute has this value, in whatever trace."""
        with self._arrived:
            spans = [span for found in self._traces.values() for span in found]
        return [span for span in spans if span.attributes.get(attribute) == value]

    def mentions(self, text: str) -> bool:
        """Whether a text is anywhere in what was exported: protobuf writes strings as they are."""
        with self._arrived:
            return any(text.encode() in body for body in self._exports)


@contextmanager
def otlp_sink() -> Iterator[OtlpSink]:
    """A sink on a free loopback port, for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    sink = OtlpSink(f"http://127.0.0.1:{server.server_address[1]}")
    server.sink = sink  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.sink.take(body)  # type: ignore[attr-defined]
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Quiet: pytest shows what a test prints, and this is none of it."""


def _spans(export: ExportTraceServiceRequest) -> Iterator[SeenSpan]:
    for resource in export.resource_spans:
        service = str(_attributes(resource.resource.attributes).get("service.name", ""))
        for scope in resource.scope_spans:
            yield from (_seen(span, service) for span in scope.spans)


def _seen(span: Span, service: str) -> SeenSpan:
    return SeenSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        service=service,
        attributes=_attributes(span.attributes),
        error=span.status.message if span.status.code == Status.STATUS_CODE_ERROR else None,
        links=tuple(link.trace_id.hex() for link in span.links),
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
    )


def _attributes(pairs: Any) -> Attributes:
    listed: list[KeyValue] = list(pairs)
    return {pair.key: _value(pair.value) for pair in listed}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)
