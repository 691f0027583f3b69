"""Spans to a collector: OTLP over HTTP, in our own encoding (`infra.telemetry.otlp`)."""

from collections.abc import Sequence
from typing import cast

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from infra.telemetry.otlp import encode
from infra.telemetry.tracing import Finished


class SpanExporter(OTLPSpanExporter):
    """The library's exporter with our encoding: endpoint, headers, compression and retries are its own."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. What can't be sent is dropped, and the library's log says so."""
        if self._shutdown:
            return SpanExportResult.FAILURE
        sent = self._client.export(encode(cast(Sequence[Finished], spans)))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE
