"""What every worker counts, and the registry of a process: no other process, and no test, shares its counts."""

from prometheus_client import CollectorRegistry, ProcessCollector

from infra.telemetry.counting import Counter, Histogram, Uncounted
from infra.telemetry.exemplars import SECONDS, Traced
from infra.telemetry.labels import Capped
from infra.telemetry.tracing import TraceContext

_MOST_TENANTS = 50


def new_registry(*, counted: bool = True) -> CollectorRegistry:
    """A process's registry, with what the system knows of the process: CPU, memory, open files; and not `counted`, with
    nothing else.
    """
    registry = CollectorRegistry() if counted else Uncounted()
    ProcessCollector(registry=registry)
    return registry


class StageMetrics:
    """What every worker counts: messages by outcome, time in hand, time in the queue, and prompts that it ends.

    At most `tenants` of them have a label of their own.
    """

    def __init__(self, registry: CollectorRegistry, tenants: int = _MOST_TENANTS) -> None:
        self.tenants = Capped(tenants)
        self.messages = Counter(
            "penstock_stage_messages", "Messages handled", ("stage", "lane", "outcome"), registry=registry
        )
        self.seconds = Histogram(
            "penstock_stage_duration_seconds",
            "From a worker's taking a message to its ack",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "penstock_stage_queue_seconds",
            "From a message's being stored to a worker's taking it",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self.prompts = Counter(
            "penstock_prompts",
            "Prompts that ended, each once: completed or failed",
            ("tenant", "lane", "outcome"),
            registry=registry,
        )
        self.failures = Counter(
            "penstock_prompt_failures",
            "Prompts that ended without an answer, by the stage that ended them and the error's code",
            ("stage", "code"),
            registry=registry,
        )

    def of(self, stage: str) -> "StageCounters":
        """The counters of one stage, looked up once: a look-up a message costs more than the counting."""
        return StageCounters(self, stage)


class StageCounters:
    """One stage's share of `StageMetrics`."""

    def __init__(self, metrics: StageMetrics, stage: str) -> None:
        self._metrics = metrics
        self._messages = metrics.messages
        self._stage = stage
        self._seconds = Traced(metrics.seconds.labels(stage))
        self._queue_seconds = Traced(metrics.queue_seconds.labels(stage))
        self._by_outcome: dict[tuple[str, str], Counter] = {}
        self._by_tenant: dict[tuple[str, str, str], Counter] = {}

    def observe(
        self, lane: str, outcome: str, *, seconds: float, queue_seconds: float, trace: TraceContext | None = None
    ) -> None:
        """Count one message: how it ended, how long it was in hand and how long it waited, in seconds; and its span."""
        counter = self._by_outcome.get((lane, outcome))
        if counter is None:
            counter = self._by_outcome[lane, outcome] = self._messages.labels(self._stage, lane, outcome)
        counter.inc()
        self._seconds.observe(seconds, trace)
        self._queue_seconds.observe(queue_seconds, trace)

    def ended(self, tenant: str, lane: str, code: str | None) -> None:
        """Count a prompt whose terminal message was stored; `code` is the error's, None of an answer."""
        key = (self._metrics.tenants(tenant), lane, "completed" if code is None else "failed")
        counter = self._by_tenant.get(key)
        if counter is None:
            counter = self._by_tenant[key] = self._metrics.prompts.labels(*key)
        counter.inc()
        if code is not None:
            self._metrics.failures.labels(self._stage, code).inc()
