"""A trace collector for tests: OTLP over HTTP in, spans to look at out."""

import gzip
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """A span as it was exported. Ids are in hexadecimal; `parent` is the empty string for a first span."""

    name: str
    kind: str
    service: str
    trace_id: str
    span_id: str
    parent: str
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    failed: bool
    started_ns: int
    ended_ns: int


@dataclass(slots=True)
class SpanCollector:
    """What was exported to `endpoint`, which is the value for OTEL_EXPORTER_OTLP_ENDPOINT."""

    endpoint: str = ""
    spans: list[CollectedSpan] = field(default_factory=list)

    def named(self, name: str, **attributes: object) -> list[CollectedSpan]:
        """The spans of this name whose attributes include these; write `.` in an attribute's name as `__`."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return [
            span
            for span in self.spans
            if span.name == name and all(span.attributes.get(key) == value for key, value in wanted.items())
        ]

    async def one(self, name: str, *, within: float = 5.0, **attributes: object) -> CollectedSpan:
        """The only span of this name with these attributes, once it is exported."""
        found = await eventually(
            lambda: self.named(name, **attributes), within=within, what=lambda: f"no «{name}» among {self._names()}"
        )
        assert len(found) == 1, f"{len(found)} spans are called «{name}»"
        return found[0]

    def _names(self) -> Sequence[str]:
        return [span.name for span in self.spans]

    def take(self, body: bytes) -> None:
        """One ExportTraceServiceRequest, gzip or plain."""
        request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        for resource in request.resource_spans:
            service = _values(resource.resource.attributes).get("service.name", "")
            for scope in resource.scope_spans:
                self.spans.extend(_collected(span, service) for span in scope.spans)


@contextmanager
def running_collector() -> Iterator[SpanCollector]:
    """A collector on a free port."""
    collector = SpanCollector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="spans", daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _collected(span: ProtoSpan, service: str) -> CollectedSpan:
    return CollectedSpan(
        name=span.name,
        kind=ProtoSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        service=service,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
