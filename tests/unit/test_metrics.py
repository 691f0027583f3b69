"""How metrics are counted: bounded labels, exemplars that lead to a trace, and the same figures over OTLP."""

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Gauge, Histogram

from contracts.inference import TokenUsage
from infra.telemetry.exemplars import Traced
from infra.telemetry.labels import Capped, LatestGauge
from infra.telemetry.metric_push import is_wanted
from infra.telemetry.otlp_metrics import metrics_data
from infra.telemetry.prompt_metrics import CallSeen, GenAiMetrics
from infra.telemetry.stage_metrics import StageMetrics
from infra.telemetry.tracing import TraceContext

TRACE = TraceContext(0x0AF7651916CD43DD8448EB211C80319C, 0x00AD6B7169203331, True)
ENDPOINT, OWN_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"


def seen(**changes: Any) -> CallSeen:
    fields: dict[str, Any] = {
        "operation": "chat",
        "provider": "openai",
        "model": "gpt",
        "deployment": "openai/gpt",
        "tenant": "acme",
        "usage": TokenUsage(input_tokens=100, output_tokens=21, cached_input_tokens=40),
        "cost_usd": 0.25,
        "error_type": "",
        "seconds": 1.5,
        "first_token": 0.5,
        "trace": TRACE,
    }
    return CallSeen(**(fields | changes))


def test_the_first_values_of_a_label_stand_for_themselves_and_the_others_are_one():
    capped = Capped(2)
    assert [capped(value) for value in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


def test_a_gauge_forgets_what_was_told_longest_ago():
    registry = CollectorRegistry()
    gauge = LatestGauge(Gauge("g", "g", ("name",), registry=registry), 2)
    for name in ("a", "b", "a", "c"):
        gauge.set((name,), 1)
    told = [registry.get_sample_value("g", {"name": name}) for name in ("a", "b", "c")]
    assert told == [1, None, 1]


def test_prompts_are_counted_by_tenant_and_failures_by_stage_and_code():
    registry = CollectorRegistry()
    counters = StageMetrics(registry, tenants=1).of("routing")
    for tenant, code in (("acme", None), ("acme", "model_not_found"), ("globex", None), ("initech", None)):
        counters.ended(tenant, "interactive", code)

    def prompts(tenant: str, outcome: str) -> float | None:
        labels = {"tenant": tenant, "lane": "interactive", "outcome": outcome}
        return registry.get_sample_value("penstock_prompts_total", labels)

    assert (prompts("acme", "completed"), prompts("acme", "failed"), prompts("other", "completed")) == (1, 1, 2)
    failed = {"stage": "routing", "code": "model_not_found"}
    assert registry.get_sample_value("penstock_prompt_failures_total", failed) == 1


class Watched:
    """A histogram whose exemplars can be looked at, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now, self._registry = 0.0, CollectorRegistry()
        histogram = Histogram("h", "h", buckets=(0.1, 5), registry=self._registry)
        self.traced = Traced(histogram, lambda: self.now)

    def ids(self) -> list[str]:
        found = [sample.exemplar for family in self._registry.collect() for sample in family.samples]
        return [exemplar.labels["trace_id"] for exemplar in found if exemplar]


def other(trace_id: int) -> TraceContext:
    return TraceContext(trace_id, 1, True)


def test_an_observation_names_its_trace_where_that_is_kept():
    watched = Watched()
    watched.traced.observe(0.05, TraceContext(7, 7, False))
    watched.traced.observe(0.05, None)
    assert watched.ids() == []
    watched.traced.observe(0.05, TRACE)
    assert watched.ids() == ["0af7651916cd43dd8448eb211c80319c"]


def test_one_a_second_is_enough_but_each_slow_one_is_named():
    watched = Watched()
    watched.traced.observe(0.05, other(1))
    watched.traced.observe(0.05, other(2))
    watched.traced.observe(3.0, other(3))
    watched.traced.observe(3.0, other(4))
    assert watched.ids() == [f"{1:032x}", f"{4:032x}"]
    watched.now = 1.1
    watched.traced.observe(0.05, other(5))
    assert watched.ids() == [f"{5:032x}", f"{4:032x}"]


def test_a_call_is_counted_under_the_names_of_the_conventions():
    registry = CollectorRegistry()
    GenAiMetrics(registry, Capped(5)).count(seen())
    called = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "gpt",
        "penstock_deployment": "openai/gpt",
    }

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, called | labels)

    assert value("gen_ai_client_operation_duration_seconds_sum", error_type="") == 1.5
    assert value("gen_ai_client_operation_time_to_first_chunk_seconds_sum") == 0.5
    assert value("gen_ai_client_token_usage_sum", gen_ai_token_type="input") == 100
    assert value("gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 21
    assert value("penstock_output_tokens_per_second_sum") == 20
    assert value("penstock_call_cost_usd_total") == 0.25
    assert registry.get_sample_value("penstock_tenant_cost_usd_total", {"tenant": "acme"}) == 0.25
    cached = {"tenant": "acme", "type": "cached_input"}
    assert registry.get_sample_value("penstock_tenant_tokens_total", cached) == 40


def test_a_call_that_failed_has_a_duration_and_no_tokens():
    registry = CollectorRegistry()
    failed = seen(usage=TokenUsage(), cost_usd=None, error_type="provider_timeout", first_token=None)
    GenAiMetrics(registry, Capped(5)).count(failed)
    samples = {sample.name for family in registry.collect() for sample in family.samples if sample.value}
    assert "gen_ai_client_operation_duration_seconds_count" in samples
    assert not {name for name in samples if "token_usage" in name or "cost" in name or "first_chunk" in name} - {
        name for name in samples if name.endswith("_created")
    }


def test_over_otlp_it_is_the_same_with_dots():
    registry = CollectorRegistry()
    GenAiMetrics(registry, Capped(5)).count(seen())
    Gauge("penstock_breaker_state", "b", ("deployment",), registry=registry).labels("d").set(2)
    data = metrics_data(registry.collect(), Resource({"service.name": "penstock-provider"}), 1, 2)
    (told,) = encode_metrics(data).resource_metrics
    metrics = {metric.name: metric for metric in told.scope_metrics[0].metrics}

    (duration,) = metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert metrics["gen_ai.client.operation.duration"].unit == "s"
    assert (duration.count, duration.sum, sum(duration.bucket_counts)) == (1, 1.5, 1)
    assert len(duration.bucket_counts) == len(duration.explicit_bounds) + 1
    assert duration.bucket_counts[list(duration.explicit_bounds).index(2.56)] == 1
    assert "gen_ai.request.model" in {pair.key for pair in duration.attributes}
    assert [exemplar.trace_id.hex() for exemplar in duration.exemplars] == [f"{TRACE.trace_id:032x}"]

    cost = metrics["penstock_call_cost_usd"].sum
    assert cost.is_monotonic
    assert [point.as_double for point in cost.data_points] == [0.25]
    assert [point.as_double for point in metrics["penstock_breaker_state"].gauge.data_points] == [2]


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({ENDPOINT: "http://jaeger:4318"}, False),
        ({ENDPOINT: "http://collector:4318", "OTEL_METRICS_EXPORTER": "otlp"}, True),
        ({OWN_ENDPOINT: "http://collector:4318/v1/metrics"}, True),
        ({OWN_ENDPOINT: "http://collector:4318/v1/metrics", "OTEL_METRICS_EXPORTER": "none"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, False),
    ],
)
def test_metrics_are_pushed_where_the_environment_asks_for_it(environ: dict[str, str], wanted: bool):
    assert is_wanted(environ) is wanted
