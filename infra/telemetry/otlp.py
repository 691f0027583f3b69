"""Finished spans as OTLP writes them, and the exporter that sends them so.

The OTLP exporter's own encoding makes a protobuf object of each attribute: 40 µs a span, which at 14 spans a request
was a quarter of a worker's time. Most attributes of a batch are the same few, so here each is written once a batch, and
a span is put together from what is written. Spans with events, links or a failure are left to the library's encoding.
"""

import struct
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import StatusCode

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types."""
_HERE, _ELSEWHERE = 0x100, 0x300
"""SpanFlags: it is known whether the parent is in another process; it is."""
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
_UNSET = _tag(15, _BYTES) + b"\x00"
_FLAGS_HERE, _FLAGS_ELSEWHERE = (_tag(16, _FIXED32) + flags.to_bytes(4, "little") for flags in (_HERE, _ELSEWHERE))
_KEY, _VALUE = _tag(1, _BYTES), _tag(2, _BYTES)
_STRING, _BOOL, _INT = _tag(1, _BYTES), _tag(2, _VARINT), _tag(3, _VARINT)
_DOUBLE, _ARRAY = _tag(4, _FIXED64), _tag(5, _BYTES)
_ITEMS = _tag(1, _BYTES)
_times = struct.Struct("<BQBQ").pack
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
        self._strings: dict[tuple[str, str], bytes] = {}

    def span(self, span: ReadableSpan) -> bytes:
        """The span as a field of its `ScopeSpans`."""
        context, parent = span.context, span.parent
        if context is None or span.events or span.links or span.status.status_code is not StatusCode.UNSET:
            return _framed(_SPANS, encode_spans((span,)).resource_spans[0].scope_spans[0].spans[0].SerializeToString())
        parts = [
            _TRACE_ID + context.trace_id.to_bytes(16),
            _SPAN_ID + context.span_id.to_bytes(8),
            _PARENT_ID + parent.span_id.to_bytes(8) if parent else b"",
            self._name(span),
            _times(_START, span.start_time or 0, _END, span.end_time or 0),
        ]
        known = self._strings
        for key, value in (span.attributes or {}).items():
            # Texts come again and again; numbers are mostly times.
            if isinstance(value, str):
                written = known.get((key, value))
                if written is None:
                    written = known[key, value] = self._attribute(key, value)
                parts.append(written)
            else:
                parts.append(self._attribute(key, value))
        parts += (_UNSET, _FLAGS_ELSEWHERE if parent and parent.is_remote else _FLAGS_HERE)
        return _framed(_SPANS, b"".join(parts))

    def _name(self, span: ReadableSpan) -> bytes:
        known = self._names.get(span.name)
        if known is None:
            known = self._names[span.name] = _framed(_NAME, _utf8(span.name)) + _KIND
        # The API numbers its kinds from 0, the protocol from 1.
        return known + _varint(span.kind.value + 1)

    def _attribute(self, key: str, value: object) -> bytes:
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = _framed(_KEY, _utf8(key)) + _VALUE
        return _framed(_ATTRIBUTES, _framed(known, _any_value(value)))


def _resource_spans(first: ReadableSpan, written: Sequence[bytes]) -> bytes:
    """One resource and one scope, those of the first span, around spans that are written already."""
    resource_spans = encode_spans((first,)).resource_spans[0]
    scope_spans = resource_spans.scope_spans[0]
    del scope_spans.spans[:]
    scope = scope_spans.SerializeToString() + b"".join(written)
    del resource_spans.scope_spans[:]
    return _framed(_RESOURCE_SPANS, resource_spans.SerializeToString() + _framed(_SCOPE_SPANS, scope))


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """An ExportTraceServiceRequest that says the same of these spans as the library's `encode_spans`."""
    batch = _Batch()
    groups: dict[tuple[int, int], tuple[ReadableSpan, list[bytes]]] = {}
    for span in spans:
        # By identity: a resource's own hash writes all of it as JSON.
        key = id(span.resource), id(span.instrumentation_scope)
        if key not in groups:
            groups[key] = (span, [])
        groups[key][1].append(batch.span(span))
    return b"".join(_resource_spans(*group) for group in groups.values())


class SpanExporter(OTLPSpanExporter):
    """The library's exporter behind the encoding above: endpoint, headers, compression and retries are its own."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. What can't be sent is dropped, and the library's log says so."""
        if self._shutdown:
            return SpanExportResult.FAILURE
        sent = self._client.export(encode(spans))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE
