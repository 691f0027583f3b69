"""Where the spans of one process go, and what it keeps of those that the ratio leaves out."""

import asyncio
import os
from collections.abc import Mapping

from nats.aio.client import Client
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from infra.embedded.traces import OTLP_ENDPOINTS
from infra.settings import Settings
from infra.telemetry.kept import KeptTraces
from infra.telemetry.tail import Ended, Tail
from infra.telemetry.tracing import Tracer


class Tracing:
    """The tracers of one process. Without a place for spans nothing is recorded, but contexts still travel."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self._ratio, self._baggage = settings.trace_ratio, settings.baggage
        self._processor = span_processor(settings, environ)
        self._tail: Tail | None = None
        self._kept: KeptTraces | None = None
        if self._processor is not None and settings.trace_tail_spans:
            self._tail = Tail(_send, capacity=settings.trace_tail_spans, slow=settings.trace_slow)
            self._kept = KeptTraces(self._tail)

    async def open(self, client: Client) -> None:
        """Hear which traces others keep, and tell them of ours."""
        if self._kept is not None:
            await self._kept.open(client)

    def tracer(self, service: str) -> Tracer:
        """The tracer of one service of this process."""
        return Tracer(service, self._processor, self._ratio, self._tail, self._baggage)

    async def close(self) -> None:
        """Export what is left."""
        if self._processor is not None:
            await asyncio.to_thread(self._processor.shutdown)


def span_processor(settings: Settings, environ: Mapping[str, str] = os.environ) -> SpanProcessor | None:
    """By OTLP where OpenTelemetry's variables name an endpoint; into files where the settings name a directory."""
    exporter = _exporter(settings, environ)
    if exporter is None:
        return None
    # 500 requests/s make 7,500 spans/s: the SDK's default queue of 2,048 would drop some of each second's.
    return BatchSpanProcessor(
        exporter,
        max_queue_size=int(environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "32768")),
        schedule_delay_millis=float(environ.get("OTEL_BSP_SCHEDULE_DELAY", "1000")),
        max_export_batch_size=int(environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1024")),
    )


def _exporter(settings: Settings, environ: Mapping[str, str]) -> SpanExporter | None:
    if any(environ.get(name) for name in OTLP_ENDPOINTS):
        from infra.telemetry.otlp_http import SpanExporter as OtlpExporter

        return OtlpExporter()
    if settings.trace_dir is not None:
        from infra.telemetry.span_files import SpanFiles

        return SpanFiles(settings.trace_dir, age=settings.trace_age, most_bytes=settings.trace_bytes)
    return None


def _send(ended: Ended) -> None:
    span, error, ended_ns = ended
    span.tracer.export(span, error, ended_ns)
