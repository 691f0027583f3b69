"""What a Prometheus registry has, as OpenTelemetry's SDK has it for its exporters. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from infra.telemetry import names
from infra.telemetry.exemplars import SPAN_ID, TRACE_ID

_CUMULATIVE = AggregationTemporality.CUMULATIVE
_SCOPE = InstrumentationScope("penstock", "1")
_Attributes = tuple[tuple[str, str], ...]


def metrics_data(families: Iterable[Family], resource: Resource, began_ns: int, now_ns: int) -> MetricsData:
    """Counters as sums, histograms with their exemplars, gauges; all cumulative since `began_ns`."""
    metrics = [metric for family in families if (metric := _metric(family, began_ns, now_ns)) is not None]
    scope = ScopeMetrics(_SCOPE, metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(family: Family, began_ns: int, now_ns: int) -> Metric | None:
    name, unit = names.OTLP_METRICS.get(family.name, (family.name, ""))
    data: Sum | Gauge | Histogram
    if family.type == "histogram":
        data = Histogram(list(_histograms(family, began_ns, now_ns)), _CUMULATIVE)
    else:
        points = [
            NumberDataPoint(_attributes(sample), began_ns, now_ns, sample.value)
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        data = Sum(points, _CUMULATIVE, is_monotonic=True) if family.type == "counter" else Gauge(points)
    return Metric(name, family.documentation, unit, data) if data.data_points else None


def _histograms(family: Family, began_ns: int, now_ns: int) -> Iterator[HistogramDataPoint]:
    buckets: defaultdict[_Attributes, list[Sample]] = defaultdict(list)
    sums: dict[_Attributes, float] = {}
    for sample in family.samples:
        key = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            buckets[key].append(sample)
        elif sample.name.endswith("_sum"):
            sums[key] = sample.value
    for key, found in buckets.items():
        counts = [int(sample.value) for sample in found]
        yield HistogramDataPoint(
            attributes=_named(key),
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=counts[-1],
            sum=sums[key],
            bucket_counts=[count - before for count, before in zip(counts, [0, *counts], strict=False)],
            explicit_bounds=[float(sample.labels["le"]) for sample in found[:-1]],
            # Prometheus knows neither, and the protocol does without them.
            min=None,  # type: ignore[arg-type]
            max=None,  # type: ignore[arg-type]
            exemplars=_exemplars(found),
        )


def _exemplars(samples: Sequence[Sample]) -> list[Exemplar]:
    return [
        Exemplar(
            filtered_attributes={},
            value=found.value,
            time_unix_nano=int(float(found.timestamp or 0) * 1e9),
            span_id=int(found.labels[SPAN_ID], 16),
            trace_id=int(found.labels[TRACE_ID], 16),
        )
        for sample in samples
        if (found := sample.exemplar) is not None
    ]


def _attributes(sample: Sample) -> dict[str, Any]:
    return _named(tuple(sample.labels.items()))


def _named(labels: _Attributes) -> dict[str, Any]:
    return {names.OTLP_LABELS.get(name, name): value for name, value in labels}
