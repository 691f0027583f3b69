"""PENSTOCK_METRICS=false: everything that is counted is taken, and nothing is kept of it."""

from prometheus_client import generate_latest

from infra.telemetry.labels import LatestGauge
from infra.telemetry.metrics import ApiMetrics, RetrievalMetrics
from infra.telemetry.stage_metrics import StageMetrics, new_registry
from infra.telemetry.tracing import TraceContext


def told(*, counted: bool) -> set[str]:
    """The names of what a process tells after some traffic, but those of the process itself."""
    registry = new_registry(counted=counted)
    api, stages, retrieval = ApiMetrics(registry), StageMetrics(registry), RetrievalMetrics(registry)
    stage = stages.of("cache")
    stage.observe("batch", "forwarded", seconds=0.1, queue_seconds=0.1, trace=TraceContext(1, 1, sampled=True))
    stage.ended("acme", "batch", "overloaded")
    api.in_flight.inc()
    api.in_flight.dec()
    api.requests.labels("/", "200").inc()
    api.seconds.observe("/", 0.1, None)
    latest = LatestGauge(retrieval.quality._gauge, 1)
    for store in "ab":
        latest.set((store, "1", "hybrid", "set", "ndcg"), 0.5)
    lines = generate_latest(registry).decode().splitlines()
    return {line.split(maxsplit=3)[2] for line in lines if line.startswith("# TYPE")} - {"process"}


def test_nothing_is_counted_but_the_process_is_told_of():
    names = told(counted=False)
    assert "process_cpu_seconds_total" in names
    assert all(name.startswith("process_") for name in names)


def test_by_default_everything_is():
    assert {"penstock_stage_messages_total", "penstock_retrieval_quality"} <= told(counted=True)
