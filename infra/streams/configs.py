"""Streams: what the broker must hold, as data."""

from dataclasses import replace

from nats.js.api import DiscardPolicy, RePublish, RetentionPolicy, StreamConfig

from contracts import subjects
from contracts.subjects import INGRESS_ID_LENGTH, ROOT, Lane
from infra.catalog.bucket import BUCKET as CONFIG
from infra.settings import Settings
from infra.streams.names import (
    ACCESS,
    ADVISORIES,
    ATTEMPTED,
    BREAKERS,
    CACHE,
    CHUNKED,
    CLAIMS,
    COUNTER_AGE,
    COUNTERS,
    DEADLETTER,
    DUPLICATE_WINDOW,
    EMBEDDED,
    ENDED,
    LIMITS,
    REINDEX,
    REQUESTED,
    RESPONSES,
    RESULTS,
    RESULTS_ASYNC,
    ROUTED,
    SUBMITTED,
    UNCACHED,
    UNGROUNDED,
    USAGE,
    VALIDATED,
    WAITING,
)


def stream_configs(settings: Settings) -> list[StreamConfig]:
    """Every stream. Work queues refuse when full; journals and results drop by age; the cache drops its oldest."""
    # A lane that no consumer reads is in no stream either: a producer that misspells it gets no ack.
    queues = [
        _queue(settings, stream, *(f"{ROOT}.{event}.{lane}.*" for lane in Lane))
        for stream, event in (
            (REQUESTED, "inference.requested"),
            (VALIDATED, "inference.validated"),
            (UNGROUNDED, "inference.ungrounded"),
            (UNCACHED, "inference.uncached"),
            (ROUTED, "inference.routed"),
            (SUBMITTED, "documents.submitted"),
            (CHUNKED, "documents.chunked"),
            (EMBEDDED, "documents.embedded"),
        )
    ]
    return [
        *queues,
        # The subject goes on with the key of the answer.
        _queue(settings, WAITING, *(f"{ROOT}.inference.waiting.{lane}.>" for lane in Lane)),
        _queue(settings, USAGE, f"{ROOT}.usage.recorded.>"),
        _queue(settings, LIMITS, f"{ROOT}.limits.released.>"),
        _kept(settings, ATTEMPTED, f"{ROOT}.inference.attempted.>", age=3600, latest_only=True),
        _results(settings, RESULTS, Lane.INTERACTIVE, settings.results_age),
        _results(settings, RESULTS_ASYNC, Lane.BATCH, settings.results_async_age),
        replace(
            # An entry has a life of its own. Here too stands who is making one, which may take longer than that.
            _kept(settings, CACHE, f"{ROOT}.cache.stored.>", age=max(settings.cache_ttl, 3600), latest_only=True),
            max_bytes=settings.cache_bytes,
            allow_msg_ttl=True,
        ),
        # Here until the database has it, and for a day more: what was just stored is read from here.
        replace(
            _kept(settings, RESPONSES, f"{ROOT}.response.stored.>", age=86_400, latest_only=True),
            max_bytes=settings.queue_bytes,
            discard=DiscardPolicy.NEW,
        ),
        replace(
            _kept(settings, ENDED, "", age=settings.results_async_age),
            subjects=[f"{ROOT}.documents.{event}.*.*.*" for event in ("indexed", "failed")],
            max_bytes=settings.queue_bytes,
        ),
        _kept(settings, REINDEX, f"{ROOT}.reindex.>", age=30 * 86_400, latest_only=True),
        _kept(settings, DEADLETTER, f"{ROOT}.deadletter.>", age=14 * 86_400),
        replace(
            _queue(settings, ADVISORIES, "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"), discard=DiscardPolicy.OLD
        ),
        # All increments, not the newest alone: one that is repeated is told what it was told at first.
        replace(_kept(settings, COUNTERS, f"{ROOT}.counter.>", age=COUNTER_AGE), allow_msg_counter=True),
        _breakers(settings),
        replace(
            _bucket(settings, ACCESS),
            republish=RePublish(src=f"$KV.{ACCESS}.changed", dest=subjects.access_changed()),
        ),
        _bucket(settings, CONFIG),
        _objects(settings, CLAIMS),
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


def _objects(settings: Settings, name: str) -> StreamConfig:
    """An object store as its protocol (NATS ADR-20) wants its stream. What nobody came for goes by age."""
    return replace(
        _kept(settings, f"OBJ_{name}", "", age=settings.results_async_age),
        subjects=[f"$O.{name}.{part}.>" for part in ("C", "M")],
        max_bytes=settings.queue_bytes,
        discard=DiscardPolicy.NEW,
        allow_rollup_hdrs=True,
    )


def _breakers(settings: Settings) -> StreamConfig:
    """What is put there is republished to all workers; who asks for a lease must not be told of one that is gone."""
    return replace(
        _bucket(settings, BREAKERS),
        max_age=3600,
        allow_direct=False,
        republish=RePublish(src=f"$KV.{BREAKERS}.state.>", dest=subjects.breaker(">")),
    )
