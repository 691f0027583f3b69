"""What the workers of the prompt's way count beside its messages: cache, routes, and the providers' calls."""

from dataclasses import dataclass
from decimal import Decimal

from prometheus_client import CollectorRegistry

from contracts.inference import TokenUsage
from infra.telemetry.counting import Counter, Histogram
from infra.telemetry.exemplars import Traced
from infra.telemetry.labels import Capped
from infra.telemetry.tracing import TraceContext

_MOST_ROUTES = 100
_MOST_MODELS = 100
_CALL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_CHUNK_SECONDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""The buckets of these three are the GenAI conventions' own."""
_TOKENS_PER_SECOND = (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000)


class CacheMetrics:
    """What the cache worker counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lookups = Counter(
            "penstock_cache_lookups",
            "Prompts by what the cache had for them: hit, semantic, coalesced, miss, or bypass where it was not asked",
            ("status",),
            registry=registry,
        )


class RouteMetrics:
    """What the routing worker counts. The first so many routes have a label of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._capped = Capped(_MOST_ROUTES)
        self.routes = Counter(
            "penstock_routes",
            "Prompts by how they were routed (as in x-penstock-route), and the deployment that is tried first",
            ("route", "deployment"),
            registry=registry,
        )

    def count(self, route: str, deployment: str) -> None:
        """Count one decision."""
        self.routes.labels(self._capped(route), deployment).inc()


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A provider call that has ended. `operation`, `provider` and `model` are those of its span, times in seconds.

    `cost_usd` is None where no price is known; `first_token` where there was no stream, or none of it came.
    """

    operation: str
    provider: str
    model: str
    deployment: str
    tenant: str
    usage: TokenUsage
    cost_usd: Decimal | None
    error_type: str
    seconds: float
    first_token: float | None
    trace: TraceContext


class GenAiMetrics:
    """What the provider worker counts of calls, under the names of OpenTelemetry's GenAI conventions where it has some.

    Dots are underscores, as in Prometheus; over OTLP they are dots again (`infra.telemetry.otlp_metrics`). The first so
    many models and tenants have a label of their own: the catalogue's patterns let callers make models up.
    """

    def __init__(self, registry: CollectorRegistry, tenants: Capped) -> None:
        self._tenants, self._models = tenants, Capped(_MOST_MODELS)
        called = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "penstock_deployment")
        self._duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Provider calls, from the request to the answer's end; error_type is empty for one that was answered",
            (*called, "error_type"),
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        self._first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Streamed provider calls, from the request to the first event of the answer",
            called,
            buckets=_CHUNK_SECONDS,
            registry=registry,
        )
        self._usage = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a provider call: input or output",
            (*called, "gen_ai_token_type"),
            buckets=_TOKENS,
            registry=registry,
        )
        self._rate = Histogram(
            "penstock_output_tokens_per_second",
            "Of a streamed call, from the first event on",
            called,
            buckets=_TOKENS_PER_SECOND,
            registry=registry,
        )
        self._cost = Counter(
            "penstock_call_cost_usd", "What provider calls cost, where a price is known", called, registry=registry
        )
        self._tenant_cost = Counter("penstock_tenant_cost_usd", "The same by tenant", ("tenant",), registry=registry)
        self._tenant_tokens = Counter(
            "penstock_tenant_tokens",
            "Tokens by tenant; cached_input is a part of input, and reasoning of output",
            ("tenant", "type"),
            registry=registry,
        )
        self._called: dict[tuple[str, ...], _Called] = {}
        self._durations: dict[tuple[str, ...], Traced] = {}

    def count(self, seen: CallSeen) -> None:
        """Count one call."""
        key = (seen.operation, seen.provider, self._models(seen.model), seen.deployment)
        called = self._called.get(key)
        if called is None:
            called = self._called[key] = self._children(key)
        duration = self._durations.get((*key, seen.error_type))
        if duration is None:
            duration = Traced(self._duration.labels(*key, seen.error_type))
            self._durations[*key, seen.error_type] = duration
        duration.observe(seen.seconds, seen.trace)
        called.count(seen)
        self._count_tenant(seen)

    def _children(self, key: tuple[str, ...]) -> "_Called":
        return _Called(
            Traced(self._first_chunk.labels(*key)),
            self._usage.labels(*key, "input"),
            self._usage.labels(*key, "output"),
            self._rate.labels(*key),
            self._cost.labels(*key),
        )

    def _count_tenant(self, seen: CallSeen) -> None:
        tenant, usage = self._tenants(seen.tenant), seen.usage
        if seen.cost_usd:
            self._tenant_cost.labels(tenant).inc(float(seen.cost_usd))
        tokens = {
            "input": usage.input_tokens,
            "cached_input": usage.cached_input_tokens,
            "output": usage.output_tokens,
            "reasoning": usage.reasoning_tokens,
        }
        for kind, count in tokens.items():
            if count:
                self._tenant_tokens.labels(tenant, kind).inc(count)


@dataclass(frozen=True, slots=True)
class _Called:
    """The children of one operation, provider, model and deployment, looked up once."""

    first_chunk: Traced
    input_tokens: Histogram
    output_tokens: Histogram
    rate: Histogram
    cost: Counter

    def count(self, seen: CallSeen) -> None:
        usage, first = seen.usage, seen.first_token
        if usage.input_tokens:
            self.input_tokens.observe(usage.input_tokens)
        if usage.output_tokens:
            self.output_tokens.observe(usage.output_tokens)
        if first is not None:
            self.first_chunk.observe(first, seen.trace)
            if usage.output_tokens > 1 and seen.seconds > first:
                self.rate.observe((usage.output_tokens - 1) / (seen.seconds - first))
        if seen.cost_usd:
            self.cost.inc(float(seen.cost_usd))
