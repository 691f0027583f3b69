"""Streams and consumers: what the broker must hold, as data, and the one function that makes it so.

Configuration is not re-applied by a worker that finds its durable (FACTS 7), so it is applied here, and workers bind.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RePublish,
    RetentionPolicy,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.subjects import INGRESS_ID_LENGTH, ROOT, Lane
from infra.catalog import Catalog
from infra.catalog.bucket import BUCKET as CONFIG
from infra.settings import Settings

DUPLICATE_WINDOW = 120.0
"""Seconds in which JetStream drops a message id that it has seen; an older message is checked for an outcome."""
SERVER_MAX_DELIVER = 20
"""The server's own limit, well above the workers': the safety net for a message that kills the process each time."""
BATCH_SHARE = 4
"""A lane in four slots may be batch work; the others are kept free for people."""

REQUESTED, VALIDATED, UNCACHED, ROUTED = (
    f"INFERENCE_{name}" for name in ("REQUESTED", "VALIDATED", "UNCACHED", "ROUTED")
)
ATTEMPTED, RESULTS, RESULTS_ASYNC = "INFERENCE_ATTEMPTED", "RESULTS", "RESULTS_ASYNC"
USAGE, CACHE, RESPONSES, DEADLETTER, ADVISORIES = "USAGE", "CACHE", "RESPONSES", "DEADLETTER", "ADVISORIES"
COUNTERS = "COUNTERS"
BREAKERS = "penstock-breakers"
"""A key-value bucket: which deployments are not to be called, and who tries whether one answers again."""
SWEPT = frozenset({REQUESTED, VALIDATED, UNCACHED, ROUTED, USAGE})
"""The work queues: a message that nobody takes off one would stay in it for ever."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One durable push consumer and the deliver group that shares its messages."""

    stream: str
    durable: str
    filter_subject: str
    lane: Lane
    max_ack_pending: int

    @property
    def deliver_subject(self) -> str:
        return f"{ROOT}.deliver.{self.durable}"


def lane_subscriptions(stream: str, stage: str, event: str, concurrency: int) -> tuple[Subscription, ...]:
    """A durable a lane on one stage's stream. The batch lane may have fewer messages out at once."""
    return tuple(
        Subscription(
            stream=stream,
            durable=f"{stage}-{lane}",
            filter_subject=f"{ROOT}.{event}.{lane}.*",
            lane=lane,
            max_ack_pending=concurrency * 8 if lane is Lane.INTERACTIVE else max(concurrency // BATCH_SHARE, 1),
        )
        for lane in Lane
    )


def provider_subscriptions(provider: str, concurrency: int) -> tuple[Subscription, ...]:
    """The durables of one provider's pool: a slow provider fills its own queue and nobody else's."""
    lanes = lane_subscriptions(ROUTED, f"provider-{provider}", "inference.routed", concurrency)
    return tuple(replace(lane, filter_subject=subjects.routed(lane.lane, provider)) for lane in lanes)


def stage_subscriptions(settings: Settings, catalog: Catalog) -> dict[str, tuple[Subscription, ...]]:
    """Every durable by the worker that reads it."""
    width = settings.stage_concurrency
    return {
        "validation": lane_subscriptions(REQUESTED, "validation", "inference.requested", width),
        "cache": lane_subscriptions(VALIDATED, "cache", "inference.validated", width),
        "cache-fill": tuple(
            Subscription(stream, f"cache-fill-{lane}", f"{ROOT}.inference.completed.{lane}.>", lane, width * 8)
            for stream, lane in ((RESULTS, Lane.INTERACTIVE), (RESULTS_ASYNC, Lane.BATCH))
        ),
        "routing": lane_subscriptions(UNCACHED, "routing", "inference.uncached", width),
        "provider": tuple(
            subscription
            for provider in catalog.providers
            for subscription in provider_subscriptions(provider.name, settings.provider_concurrency)
        ),
        "ledger": (
            Subscription(USAGE, "ledger", f"{ROOT}.usage.recorded.>", Lane.INTERACTIVE, settings.ledger_batch * 4),
        ),
        "responses": (Subscription(RESPONSES, "responses", f"{ROOT}.response.stored.>", Lane.INTERACTIVE, width * 4),),
        "sweeper": (
            Subscription(ADVISORIES, "sweeper", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", Lane.INTERACTIVE, 16),
        ),
    }


def stream_configs(settings: Settings) -> list[StreamConfig]:
    """Every stream. Work queues refuse when full; journals and results drop by age; the cache drops its oldest."""
    # A lane that no consumer reads is in no stream either: a producer that misspells it gets no ack.
    queues = [
        _queue(settings, stream, *(f"{ROOT}.{event}.{lane}.*" for lane in Lane))
        for stream, event in (
            (REQUESTED, "inference.requested"),
            (VALIDATED, "inference.validated"),
            (UNCACHED, "inference.uncached"),
            (ROUTED, "inference.routed"),
        )
    ]
    return [
        *queues,
        _queue(settings, USAGE, f"{ROOT}.usage.recorded.>"),
        _kept(settings, ATTEMPTED, f"{ROOT}.inference.attempted.>", age=3600, latest_only=True),
        _results(settings, RESULTS, Lane.INTERACTIVE, settings.results_age),
        _results(settings, RESULTS_ASYNC, Lane.BATCH, settings.results_async_age),
        replace(
            _kept(settings, CACHE, f"{ROOT}.cache.stored.>", age=settings.cache_ttl or 60, latest_only=True),
            max_bytes=settings.cache_bytes,
        ),
        # Here until the database has it, and for a day more: what was just stored is read from here.
        replace(
            _kept(settings, RESPONSES, f"{ROOT}.response.stored.>", age=86_400, latest_only=True),
            max_bytes=settings.queue_bytes,
            discard=DiscardPolicy.NEW,
        ),
        _kept(settings, DEADLETTER, f"{ROOT}.deadletter.>", age=14 * 86_400),
        replace(
            _queue(settings, ADVISORIES, "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"), discard=DiscardPolicy.OLD
        ),
        replace(_kept(settings, COUNTERS, f"{ROOT}.counter.>", age=300, latest_only=True), allow_msg_counter=True),
        _breakers(settings),
        _bucket(settings, CONFIG),
    ]


def _queue(settings: Settings, name: str, *taken: str) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=list(taken),
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        max_msgs=settings.queue_messages,
        max_bytes=settings.queue_bytes,
        duplicate_window=DUPLICATE_WINDOW,
        num_replicas=settings.replicas,
        allow_direct=True,
    )


def _kept(settings: Settings, name: str, subject: str, *, age: float, latest_only: bool = False) -> StreamConfig:
    return StreamConfig(
        name=name,
        subjects=[subject],
        max_age=age,
        max_msgs_per_subject=1 if latest_only else -1,
        duplicate_window=min(DUPLICATE_WINDOW, age),
        num_replicas=settings.replicas,
        allow_direct=True,
    )


def _results(settings: Settings, name: str, lane: Lane, age: float) -> StreamConfig:
    """Results are republished, once stored, to the ingress whose id the request id starts with (ADR 0004)."""
    return StreamConfig(
        name=name,
        subjects=[f"{ROOT}.inference.{event}.{lane}.*.*" for event in ("completed", "failed")],
        max_age=age,
        duplicate_window=DUPLICATE_WINDOW,
        num_replicas=settings.replicas,
        allow_direct=True,
        republish=RePublish(
            src=f"{ROOT}.inference.*.{lane}.*.*",
            dest=f"{ROOT}.inference.result.{{{{splitfromleft(3,{INGRESS_ID_LENGTH})}}}}",
        ),
    )


def _bucket(settings: Settings, name: str) -> StreamConfig:
    """A bucket as the KV protocol (NATS ADR-8) wants its stream; it keeps the last value of a key for good.

    Without a marker's TTL: with one, a lease that has expired can't be taken again (FACTS 13).
    """
    return replace(
        _kept(settings, f"KV_{name}", f"$KV.{name}.>", age=0, latest_only=True),
        duplicate_window=DUPLICATE_WINDOW,
        discard=DiscardPolicy.NEW,
        allow_rollup_hdrs=True,
        allow_msg_ttl=True,
        deny_delete=True,
    )


def _breakers(settings: Settings) -> StreamConfig:
    """What is put there is republished to all workers; who asks for a lease must not be told of one that is gone."""
    return replace(
        _bucket(settings, BREAKERS),
        max_age=3600,
        allow_direct=False,
        republish=RePublish(src=f"$KV.{BREAKERS}.state.>", dest=subjects.breaker(">")),
    )


def consumer_config(subscription: Subscription, settings: Settings) -> ConsumerConfig:
    """The durable of one subscription: push with a deliver group (ADR 0001)."""
    return ConsumerConfig(
        durable_name=subscription.durable,
        deliver_subject=subscription.deliver_subject,
        deliver_group=subscription.durable,
        filter_subject=subscription.filter_subject,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=settings.ack_wait,
        max_deliver=SERVER_MAX_DELIVER,
        max_ack_pending=subscription.max_ack_pending,
    )


async def provision(js: JetStreamContext, settings: Settings, catalog: Catalog) -> None:
    """Make streams and consumers what the settings say, keeping what they hold.

    Raises `nats.js.errors.APIError` where the server refuses a change.
    """
    for config in stream_configs(settings):
        await _apply_stream(js, config)
    for subscription in _flatten(stage_subscriptions(settings, catalog).values()):
        # Create-or-update is one call for consumers.
        await js.add_consumer(subscription.stream, config=consumer_config(subscription, settings))


async def _apply_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.update_stream(config)
    except NotFoundError:
        await js.add_stream(config)


def _flatten(groups: Iterable[tuple[Subscription, ...]]) -> Iterable[Subscription]:
    for group in groups:
        yield from group
