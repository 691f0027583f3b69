"""Consumers: who reads what, as data. Push with a deliver group (ADR 0001)."""

from dataclasses import dataclass, replace

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from contracts import subjects
from contracts.subjects import ROOT, Lane
from infra.catalog import Catalog
from infra.settings import Settings
from infra.streams.names import (
    ADVISORIES,
    BATCH_SHARE,
    CHUNKED,
    EMBEDDED,
    LIMITS,
    LOCAL_POOL,
    REINDEX,
    REQUESTED,
    RESPONSES,
    RESULTS,
    RESULTS_ASYNC,
    ROUTED,
    SERVER_MAX_DELIVER,
    SUBMITTED,
    UNCACHED,
    UNGROUNDED,
    USAGE,
    VALIDATED,
    WAITING,
    WAITING_SHARE,
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One durable push consumer and the deliver group that shares its messages."""

    stream: str
    durable: str
    filter_subject: str
    lane: Lane
    max_ack_pending: int
    max_deliver: int = SERVER_MAX_DELIVER

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


def document_subscriptions(stream: str, stage: str, event: str, concurrency: int) -> tuple[Subscription, ...]:
    """As `lane_subscriptions`, for a stage with `concurrency * BATCH_SHARE` slots.

    The batch lane may use `concurrency` of them, because documents are bulk work most of all and cheaper in large
    batches; and no more messages are out than there are slots, because each may have half a megabyte.
    """
    lanes = lane_subscriptions(stream, stage, event, concurrency)
    share = {Lane.INTERACTIVE: BATCH_SHARE, Lane.BATCH: 1}
    return tuple(replace(each, max_ack_pending=concurrency * share[each.lane]) for each in lanes)


def provider_subscriptions(provider: str, concurrency: int) -> tuple[Subscription, ...]:
    """The durables of one provider's pool: a slow provider fills its own queue and nobody else's."""
    lanes = lane_subscriptions(ROUTED, f"provider-{provider}", "inference.routed", concurrency)
    return tuple(replace(lane, filter_subject=subjects.routed(lane.lane, provider)) for lane in lanes)


def embedding_subscriptions(pool: str, concurrency: int) -> tuple[Subscription, ...]:
    """The durables of those who embed for one pool: a provider that says 429 holds up its own documents only."""
    lanes = document_subscriptions(CHUNKED, f"embedding-{pool}", "documents.chunked", concurrency)
    return tuple(replace(lane, filter_subject=subjects.chunked(lane.lane, pool)) for lane in lanes)


def stage_subscriptions(settings: Settings, catalog: Catalog) -> dict[str, tuple[Subscription, ...]]:
    """Every durable by the worker that reads it."""
    width = settings.stage_concurrency
    return {
        "validation": lane_subscriptions(REQUESTED, "validation", "inference.requested", width),
        "limits": (Subscription(LIMITS, "limits", f"{ROOT}.limits.released.>", Lane.INTERACTIVE, width * 8),),
        "retrieval": lane_subscriptions(UNGROUNDED, "retrieval", "inference.ungrounded", width),
        "cache": lane_subscriptions(VALIDATED, "cache", "inference.validated", width),
        # They wait for others, and take nothing but memory meanwhile.
        "waiting": tuple(
            replace(each, filter_subject=f"{ROOT}.inference.waiting.{each.lane}.>", max_deliver=-1)
            for each in lane_subscriptions(WAITING, "waiting", "inference.waiting", width * WAITING_SHARE)
        ),
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
        "chunking": document_subscriptions(SUBMITTED, "chunking", "documents.submitted", settings.document_concurrency),
        "embedding": tuple(
            subscription
            for pool in (LOCAL_POOL, *(provider.name for provider in catalog.providers))
            for subscription in embedding_subscriptions(pool, settings.document_concurrency)
        ),
        # One batch is written while the next one gathers.
        "indexing": document_subscriptions(EMBEDDED, "indexing", "documents.embedded", settings.index_batch * 2),
        "reindex": (Subscription(REINDEX, "reindex", f"{ROOT}.reindex.requested.>", Lane.BATCH, 64, max_deliver=-1),),
        "sweeper": (
            Subscription(ADVISORIES, "sweeper", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", Lane.INTERACTIVE, 16),
        ),
    }


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
        max_deliver=subscription.max_deliver,
        max_ack_pending=subscription.max_ack_pending,
    )
