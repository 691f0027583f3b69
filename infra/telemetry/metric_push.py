"""A registry's metrics by OTLP: what Prometheus would scrape, pushed to where OpenTelemetry's variables say.

One set of counts that is told in two ways: to count everything in two libraries would cost twice.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from infra.runtime import end_tasks

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter

_DEFAULT_MILLIS = "60000"
Refresh = Callable[[], Awaitable[None]]


@asynccontextmanager
async def pushed(
    registry: CollectorRegistry,
    service: str,
    refresh: Refresh | None = None,
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[None]:
    """While the body runs, and once at its end, the registry is exported, if the environment asks for it.

    Every `OTEL_METRIC_EXPORT_INTERVAL` milliseconds; `refresh` is awaited before each.
    """
    if not is_wanted(environ):
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    push = _Push(registry, service, OTLPMetricExporter(), refresh)
    seconds = float(environ.get("OTEL_METRIC_EXPORT_INTERVAL", _DEFAULT_MILLIS)) / 1000
    run = asyncio.create_task(push.run(seconds))
    try:
        yield
    finally:
        await end_tasks(run)
        await push.close()


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for metrics.

    `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` does, and `OTEL_METRICS_EXPORTER=otlp` beside the endpoint of all signals.
    That endpoint alone does not: it is often Jaeger's, which takes no metrics, and Prometheus has them anyway.
    """
    own, general = (environ.get(f"OTEL_EXPORTER_OTLP_{part}ENDPOINT") for part in ("METRICS_", ""))
    exporter = environ.get("OTEL_METRICS_EXPORTER", "otlp" if own else "none")
    return exporter == "otlp" and bool(own or general)


class _Push:
    def __init__(
        self, registry: CollectorRegistry, service: str, exporter: "MetricExporter", refresh: Refresh | None
    ) -> None:
        self._registry = registry
        self._resource = Resource.create({"service.name": f"penstock-{service}", "service.namespace": "penstock"})
        self._exporter = exporter
        self._refresh = refresh
        self._began_ns = time.time_ns()

    async def run(self, seconds: float) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self._push()

    async def close(self) -> None:
        """Tell what has been counted since the last time."""
        await self._push()
        await asyncio.to_thread(self._exporter.shutdown)

    async def _push(self) -> None:
        from infra.telemetry.otlp_metrics import metrics_data

        if self._refresh is not None:
            await self._refresh()
        told = metrics_data(self._registry.collect(), self._resource, self._began_ns, time.time_ns())
        # What can't be sent is dropped, and the library's log says so: counts are cumulative, the next one has it all.
        await asyncio.to_thread(self._exporter.export, told)
