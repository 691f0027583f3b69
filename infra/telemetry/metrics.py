"""Prometheus metrics of one process, in a registry of its own so that tests and processes don't share counts."""

from prometheus_client import CollectorRegistry

from infra.telemetry.counting import Counter, Gauge, Histogram
from infra.telemetry.exemplars import SECONDS, Traced, TracedSeconds
from infra.telemetry.labels import Capped, LatestGauge

_BUDGET_EVENTS = ("crossed", "refused")
_MOST_GROUPS, _MOST_MODELS = 200, 100
_MOST_QUALITIES = 500
"""Label sets: of some forty index versions, each with three modes, four measures and a set or two."""


class ProviderMetrics:
    """What the provider worker counts of its calls. `model` is what the provider calls it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "penstock_provider_calls",
            "Provider calls, by what they were to their request: first, failover, retry or hedge",
            ("deployment", "kind"),
            registry=registry,
        )
        self.denied = Counter(
            "penstock_provider_retries_denied",
            "Calls that a spent retry budget did not allow",
            ("deployment",),
            registry=registry,
        )
        self.breaker = Gauge(
            "penstock_breaker_state",
            "0 closed, 1 half open: a probe is on its way, 2 open. Absent for one that was never open",
            ("deployment", "model"),
            registry=registry,
        )


class RetrievalMetrics:
    """What the retrieval worker counts of searches, and what its evaluations have found."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.searches = Counter(
            "penstock_retrieval_searches",
            "Searches; outcome is found, empty, or the code of an error",
            ("mode", "outcome"),
            registry=registry,
        )
        self.seconds = TracedSeconds(
            "penstock_retrieval_duration_seconds",
            "From a request's arrival at the worker to its answer",
            "mode",
            registry,
        )
        self.quality = LatestGauge(
            Gauge(
                "penstock_retrieval_quality",
                "What the newest evaluation of a version found: nDCG@10, recall@10 or MRR@10, from 0 to 1",
                ("store", "version", "mode", "set", "measure"),
                registry=registry,
            ),
            _MOST_QUALITIES,
        )


class EmbeddingMetrics:
    """What the embedding worker counts: chunks by whether their vectors had to be made."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.texts = Counter(
            "penstock_embedded_texts",
            "Chunks that got a vector: embedded by the model, or reused",
            ("model", "outcome"),
            registry=registry,
        )

    def count(self, model: str, *, embedded: int, reused: int) -> None:
        """Count the chunks of one document."""
        self.texts.labels(model, "embedded").inc(embedded)
        self.texts.labels(model, "reused").inc(reused)


class IndexingMetrics:
    """What the indexing worker counts: what it has written, of all index versions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.documents = Counter(
            "penstock_indexed_documents", "Documents written into an index version", registry=registry
        )
        self.chunks = Counter("penstock_indexed_chunks", "Chunks of them", registry=registry)


class LedgerMetrics:
    """What the ledger worker counts, and how far behind it is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "penstock_ledger_rows",
            "Rows of the ledger: new, replaced (the estimate of a call whose worker died), or known already",
            ("outcome",),
            registry=registry,
        )
        self.lag = Gauge(
            "penstock_ledger_lag_seconds",
            "The age of the oldest usage message of the last batch when it was written",
            registry=registry,
        )
        self.partitions_failed = Counter(
            "penstock_ledger_partitions_failed",
            "Rounds in which the ledger's partitions could not be made or dropped",
            registry=registry,
        )


class BudgetMetrics:
    """What the ledger worker tells of budgets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.spent = Gauge(
            "penstock_budget_spent_ratio",
            "What of a budget is spent in its present period, as a share of its amount",
            ("budget", "kind", "subject", "period"),
            registry=registry,
        )
        self.reserved = Gauge(
            "penstock_budget_reserved_ratio",
            "What of it is reserved for calls that are not in the ledger yet",
            ("budget", "kind", "subject", "period"),
            registry=registry,
        )
        self.alerts = Counter(
            "penstock_budget_alerts",
            "Alerts: a share of a budget was spent (crossed), or a call refused for want of money (refused)",
            ("event",),
            registry=registry,
        )
        # A refusal is told once a period: for Prometheus, one that begins with 1 has not increased.
        for event in _BUDGET_EVENTS:
            self.alerts.labels(event)
        self.webhooks = Counter(
            "penstock_budget_webhooks", "Alerts sent to webhooks: delivered or failed", ("outcome",), registry=registry
        )
        self.expired = Counter(
            "penstock_budget_reservations_expired",
            "Reservations that no row of the ledger settled in their time",
            registry=registry,
        )
        self.unpriced = Counter(
            "penstock_budget_unpriced_rows",
            "Rows of the ledger whose cost is unknown, and which no budget counts",
            registry=registry,
        )


class ApiMetrics:
    """What the ingress counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter("penstock_http_requests", "HTTP requests", ("route", "status"), registry=registry)
        self.seconds = TracedSeconds(
            "penstock_http_request_duration_seconds",
            "From a request's first byte to its answer's last",
            "route",
            registry,
        )
        self.failed_logins = Counter(
            "penstock_failed_logins", "Requests whose API key was not let in, by why", ("reason",), registry=registry
        )
        self.in_flight = Gauge("penstock_http_requests_in_flight", "Requests being answered", registry=registry)
        self.first_token = Traced(
            Histogram(
                "penstock_http_first_token_seconds",
                "From a streaming request's first byte to its first token's leaving",
                buckets=SECONDS,
                registry=registry,
            )
        )


class SemanticMetrics:
    """What the semantic cache may promise, and what it did. A group is what one rule is learnt for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("tenant", "model", "group")
        self._models = Capped(_MOST_MODELS)
        self._rate = LatestGauge(
            Gauge(
                "penstock_semantic_false_hit_ratio",
                "The share of what the rule lets through that was wrong, by its verified outcomes. Absent while closed",
                labels,
                registry=registry,
            ),
            _MOST_GROUPS,
        )
        self._bound = LatestGauge(
            Gauge(
                "penstock_semantic_false_hit_bound_ratio",
                "The upper bound of that share at 95 %; 1 while closed",
                labels,
                registry=registry,
            ),
            _MOST_GROUPS,
        )
        self._outcomes = Counter(
            "penstock_semantic_requests",
            "Requests that were looked at: hit, verified_right, verified_wrong, asked (the model, as nothing was near "
            "enough) or failed (the database was away)",
            ("model", "outcome"),
            registry=registry,
        )

    def count(self, model: str, outcome: str) -> None:
        """Count one request."""
        self._outcomes.labels(self._models(model), outcome).inc()

    def learnt(self, whose: tuple[str, str, str], *, seen: int, wrong: int, bound: float) -> None:
        """Tell what a rule of a tenant, model and group promises; it is closed where it has seen nothing."""
        self._bound.set(whose, bound)
        if seen:
            self._rate.set(whose, wrong / seen)
