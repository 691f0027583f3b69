"""Finished spans as OTLP writes them.

The OTLP exporter's own encoding makes a protobuf object of each attribute: 40 µs a span, which at 14 spans a request
was a quarter of a worker's time. Most attributes of a batch are the same few, so here each is written once a batch, and
a span is put together from what is written.
"""

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import StatusCode
from opentelemetry.util.types import AttributeValue

from infra.telemetry.tracing import SCOPE, Finished, Span, TraceContext

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types."""
_HERE, _ELSEWHERE = (flags.to_bytes(4, "little") for flags in (0x100, 0x300))
"""SpanFlags: it is known whether the other span is in another process; it is."""
_SMALLEST, _LARGEST, _64_BITS = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    written = bytearray()
    while number >= 0x80:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _tag(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _framed(tag: bytes, body: bytes) -> bytes:
    """A field that holds bytes, a string or a message."""
    return tag + _varint(len(body)) + body


def _utf8(text: str) -> bytes:
    # Half a surrogate pair can't be written: one such must not cost its batch.
    return text.encode(errors="replace")


# The numbers of the fields are those of opentelemetry-proto 1.x, message by message.
_RESOURCE_SPANS = _tag(1, _BYTES)
_SCOPE_SPANS = _tag(2, _BYTES)
_SPANS = _tag(2, _BYTES)
_TRACE_ID, _SPAN_ID, _PARENT_ID = _tag(1, _BYTES) + b"\x10", _tag(2, _BYTES) + b"\x08", _tag(4, _BYTES) + b"\x08"
_NAME, _KIND = _tag(5, _BYTES), _tag(6, _VARINT)
_START, _END = _tag(7, _FIXED64)[0], _tag(8, _FIXED64)[0]
_ATTRIBUTES = _tag(9, _BYTES)
_EVENTS, _LINKS, _STATUS, _FLAGS = _tag(11, _BYTES), _tag(13, _BYTES), _tag(15, _BYTES), _tag(16, _FIXED32)
_UNSET = _STATUS + b"\x00"
_STATUS_MESSAGE, _STATUS_CODE = _tag(2, _BYTES), _tag(3, _VARINT)
_EVENT_TIME, _EVENT_NAME, _EVENT_ATTRIBUTES = _tag(1, _FIXED64)[0], _tag(2, _BYTES), _tag(3, _BYTES)
_LINK_TRACE_ID, _LINK_SPAN_ID = _tag(1, _BYTES) + b"\x10", _tag(2, _BYTES) + b"\x08"
_LINK_ATTRIBUTES, _LINK_FLAGS = _tag(4, _BYTES), _tag(6, _FIXED32)
_RESOURCE, _RESOURCE_ATTRIBUTES = _tag(1, _BYTES), _tag(1, _BYTES)
_SCOPE, _SCOPE_NAME, _SCOPE_VERSION = _tag(1, _BYTES), _tag(1, _BYTES), _tag(2, _BYTES)
_KEY, _VALUE = _tag(1, _BYTES), _tag(2, _BYTES)
_STRING, _BOOL, _INT = _tag(1, _BYTES), _tag(2, _VARINT), _tag(3, _VARINT)
_DOUBLE, _ARRAY = _tag(4, _FIXED64), _tag(5, _BYTES)
_ITEMS = _tag(1, _BYTES)
_NAMED_SCOPE = _framed(
    _SCOPE, _framed(_SCOPE_NAME, _utf8(SCOPE.name)) + _framed(_SCOPE_VERSION, _utf8(SCOPE.version or ""))
)
_times = struct.Struct("<BQBQ").pack
_time = struct.Struct("<BQ").pack
_double = struct.Struct("<d").pack


def _any_value(value: object) -> bytes:
    if isinstance(value, str):
        return _framed(_STRING, _utf8(value))
    if isinstance(value, float):
        return _DOUBLE + _double(value)
    if isinstance(value, bool):
        return _BOOL + (b"\x01" if value else b"\x00")
    if isinstance(value, int) and _SMALLEST <= value <= _LARGEST:
        return _INT + _varint(value & _64_BITS)
    if isinstance(value, Sequence):
        return _framed(_ARRAY, b"".join(_framed(_ITEMS, _any_value(item)) for item in value))
    return _framed(_STRING, _utf8(str(value)))


class _Batch:
    """Writes spans, and keeps what comes again."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}
        self._names: dict[str, bytes] = {}
        self._strings: defaultdict[bytes, dict[tuple[str, str], bytes]] = defaultdict(dict)

    def span(self, finished: Finished) -> bytes:
        """The span as a field of its `ScopeSpans`."""
        span = finished.span
        context, parent = span.context, span.parent
        parts = [
            _TRACE_ID + context.trace_id.to_bytes(16),
            _SPAN_ID + context.span_id.to_bytes(8),
            _PARENT_ID + parent.span_id.to_bytes(8) if parent else b"",
            self._name(span),
            _times(_START, span.started_ns, _END, finished.ended_ns),
            *self._attributes(_ATTRIBUTES, span.attributes),
        ]
        if span.events:
            parts += (_framed(_EVENTS, self._event(event)) for event in span.events)
        if span.links:
            parts += (_framed(_LINKS, _link(link)) for link in span.links)
        parts += (
            _UNSET if finished.error is None else _failure(finished.error),
            _FLAGS,
            _ELSEWHERE if parent else _HERE,
        )
        return _framed(_SPANS, b"".join(parts))

    def resource(self, resource: Resource) -> bytes:
        """The resource as a field of its `ResourceSpans`."""
        return _framed(_RESOURCE, b"".join(self._attributes(_RESOURCE_ATTRIBUTES, resource.attributes)))

    def _name(self, span: Span) -> bytes:
        known = self._names.get(span.name)
        if known is None:
            known = self._names[span.name] = _framed(_NAME, _utf8(span.name)) + _KIND
        # The API numbers its kinds from 0, the protocol from 1.
        return known + _varint(span.kind.value + 1)

    def _event(self, event: Event) -> bytes:
        time, name = _time(_EVENT_TIME, event.timestamp), _framed(_EVENT_NAME, _utf8(event.name))
        return time + name + b"".join(self._attributes(_EVENT_ATTRIBUTES, event.attributes))

    def _attributes(self, field: bytes, attributes: Mapping[str, AttributeValue] | None) -> list[bytes]:
        known, parts = self._strings[field], []
        for key, value in (attributes or {}).items():
            # Texts come again and again; numbers are mostly times.
            if isinstance(value, str):
                written = known.get((key, value))
                if written is None:
                    written = known[key, value] = self._attribute(field, key, value)
                parts.append(written)
            else:
                parts.append(self._attribute(field, key, value))
        return parts

    def _attribute(self, field: bytes, key: str, value: object) -> bytes:
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = _framed(_KEY, _utf8(key)) + _VALUE
        return _framed(field, _framed(known, _any_value(value)))


def _link(context: TraceContext) -> bytes:
    ids = _LINK_TRACE_ID + context.trace_id.to_bytes(16) + _LINK_SPAN_ID + context.span_id.to_bytes(8)
    return ids + _LINK_FLAGS + _ELSEWHERE


def _failure(sentence: str) -> bytes:
    said = _framed(_STATUS_MESSAGE, _utf8(sentence)) if sentence else b""
    return _framed(_STATUS, said + _STATUS_CODE + _varint(StatusCode.ERROR.value))


def encode(spans: Sequence[Finished]) -> bytes:
    """An ExportTraceServiceRequest that says the same of these spans as the library's `encode_spans`."""
    batch = _Batch()
    groups: dict[int, tuple[Resource, list[bytes]]] = {}
    for finished in spans:
        # By identity: a resource's own hash writes all of it as JSON.
        key = id(finished.resource)
        if key not in groups:
            groups[key] = (finished.resource, [])
        groups[key][1].append(batch.span(finished))
    return b"".join(
        _framed(_RESOURCE_SPANS, batch.resource(resource) + _framed(_SCOPE_SPANS, _NAMED_SCOPE + b"".join(written)))
        for resource, written in groups.values()
    )
