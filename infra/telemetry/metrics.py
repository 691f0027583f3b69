"""Prometheus metrics of one process, in a registry of its own so that tests and processes don't share counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_STAGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


class StageMetrics:
    """What every worker counts: messages by outcome, time in hand, time in the queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter(
            "penstock_stage_messages", "Messages handled", ("stage", "lane", "outcome"), registry=registry
        )
        self.seconds = Histogram(
            "penstock_stage_duration_seconds",
            "From a worker's taking a message to its ack",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "penstock_stage_queue_seconds",
            "From a message's being stored to a worker's taking it",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )

    def of(self, stage: str) -> "StageCounters":
        """The counters of one stage, looked up once: a look-up a message costs more than the counting."""
        return StageCounters(self, stage)


class StageCounters:
    """One stage's share of `StageMetrics`."""

    def __init__(self, metrics: StageMetrics, stage: str) -> None:
        self._messages = metrics.messages
        self._stage = stage
        self._seconds = metrics.seconds.labels(stage)
        self._queue_seconds = metrics.queue_seconds.labels(stage)
        self._by_outcome: dict[tuple[str, str], Counter] = {}

    def observe(self, lane: str, outcome: str, *, seconds: float, queue_seconds: float) -> None:
        """Count one message: how it ended, how long it was in hand and how long it waited, in seconds."""
        counter = self._by_outcome.get((lane, outcome))
        if counter is None:
            counter = self._by_outcome[lane, outcome] = self._messages.labels(self._stage, lane, outcome)
        counter.inc()
        self._seconds.observe(seconds)
        self._queue_seconds.observe(queue_seconds)


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
        self.seconds = Histogram(
            "penstock_retrieval_duration_seconds",
            "From a request's arrival at the worker to its answer",
            ("mode",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self.quality = Gauge(
            "penstock_retrieval_quality",
            "What the newest evaluation of a version found: nDCG@10, recall@10 or MRR@10, from 0 to 1",
            ("store", "version", "mode", "set", "measure"),
            registry=registry,
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
        self.seconds = Histogram(
            "penstock_http_request_duration_seconds",
            "From a request's first byte to its answer's last",
            ("route",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self.failed_logins = Counter(
            "penstock_failed_logins", "Requests whose API key was not let in, by why", ("reason",), registry=registry
        )
        self.in_flight = Gauge("penstock_http_requests_in_flight", "Requests being answered", registry=registry)
        self.first_token = Histogram(
            "penstock_http_first_token_seconds",
            "From a streaming request's first byte to its first token's leaving",
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
