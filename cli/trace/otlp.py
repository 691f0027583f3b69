"""Spans out of OTLP requests, as `infra.telemetry.span_files` keeps them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from cli.trace.spans import Happened, TraceSpan
from infra.telemetry import names
from infra.telemetry.span_files import frames_with


def trace_ids_in(directory: Path, request_id: str, attribute: str = names.REQUEST_ID) -> list[str]:
    """The traces in which a span has this request id, or any id as another attribute."""
    found = (
        span.trace_id
        for frame in frames_with(directory, request_id.encode())
        for span in spans_in(frame)
        if span.attributes.get(attribute) == request_id
    )
    return list(dict.fromkeys(found))


def trace_in(directory: Path, trace_id: str) -> list[TraceSpan]:
    """The spans of a trace, as far as they were written."""
    frames = frames_with(directory, bytes.fromhex(trace_id))
    return [span for frame in frames for span in spans_in(frame) if span.trace_id == trace_id]


def spans_in(frame: bytes) -> Iterator[TraceSpan]:
    """The spans of one OTLP request."""
    for resource in ExportTraceServiceRequest.FromString(frame).resource_spans:
        service = str(_attributes(resource.resource.attributes).get("service.name", ""))
        for scope in resource.scope_spans:
            yield from (_span(span, service) for span in scope.spans)


def _span(span: Span, service: str) -> TraceSpan:
    failed = span.status.code == Status.STATUS_CODE_ERROR
    return TraceSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        service=service,
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[Happened(event.name, event.time_unix_nano, _attributes(event.attributes)) for event in span.events],
        error=(span.status.message or "it failed") if failed else None,
        links=[link.trace_id.hex() for link in span.links],
    )


def _attributes(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf's repeated field has no public type
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:  # noqa: ANN401 - whatever an attribute holds
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)
