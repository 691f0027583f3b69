"""How the queues are: what waits in them and since when, what is in hand, who reads, how full they are, what is dead.

Asked of JetStream itself, so it is the same whichever process tells it: panels and rules take the maximum.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, DiscardPolicy, StreamInfo
from nats.js.errors import APIError, NotFoundError
from prometheus_client import CollectorRegistry

from contracts.subjects import ROOT
from infra.streams import DEADLETTER, Subscription
from infra.telemetry.counting import Gauge

_PATIENCE = 2.0
_FRESH = 1.0
_LETTERS = f"{ROOT}.deadletter."


class QueueMetrics:
    """What is told of the queues."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Gauge(
            "penstock_queue_messages",
            "A consumer's messages: waiting, in_hand (delivered and not acked yet), or redelivered of these",
            ("consumer", "state"),
            registry=registry,
        )
        self.oldest = Gauge(
            "penstock_queue_oldest_seconds",
            "The age of a consumer's oldest message that is not acked; 0 where there is none",
            ("consumer",),
            registry=registry,
        )
        self.readers = Gauge(
            "penstock_queue_read", "1 where a process reads for a consumer, else 0", ("consumer",), registry=registry
        )
        self.stream_messages = Gauge(
            "penstock_stream_messages", "Messages that a stream holds", ("stream",), registry=registry
        )
        self.stream_fill = Gauge(
            "penstock_stream_fill_ratio",
            "What a stream that refuses when it is full holds of that, by messages or by bytes, whichever is more",
            ("stream",),
            registry=registry,
        )
        self.dead_letters = Gauge(
            "penstock_dead_letters",
            "Dead letters, by the stage that gave them up",
            ("stage",),
            registry=registry,
        )


@dataclass(frozen=True, slots=True)
class _Queue:
    """One consumer as the server has it; `oldest` is in seconds."""

    durable: str
    info: ConsumerInfo
    oldest: float


class Queues:
    """Asks, at most once a second however many want to know. `durables` are the consumers that there should be."""

    def __init__(
        self,
        js: JetStreamContext,
        durables: Callable[[], Iterable[Subscription]],
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._js = js
        self._clock = clock
        self._durables = durables
        self._metrics = QueueMetrics(registry)
        self._asking = asyncio.Lock()
        self._asked = float("-inf")

    async def refresh(self) -> None:
        """Bring the metrics up to date. Of what can't be asked nothing is told: an old figure looks like a new one."""
        async with self._asking:
            if self._clock() - self._asked < _FRESH:
                return
            queues, streams, letters = await asyncio.gather(self._queues(), self._streams(), self._dead_letters())
            self._asked = self._clock()
            self._tell_queues(queues)
            self._tell_streams(streams)
            self._metrics.dead_letters.clear()
            for stage, count in letters.items():
                self._metrics.dead_letters.labels(stage).set(count)

    def _tell_queues(self, queues: Iterable[_Queue]) -> None:
        metrics = self._metrics
        for gauge in (metrics.messages, metrics.oldest, metrics.readers):
            gauge.clear()
        for queue in queues:
            info = queue.info
            metrics.messages.labels(queue.durable, "waiting").set(info.num_pending or 0)
            metrics.messages.labels(queue.durable, "in_hand").set(info.num_ack_pending or 0)
            metrics.messages.labels(queue.durable, "redelivered").set(info.num_redelivered or 0)
            metrics.oldest.labels(queue.durable).set(queue.oldest)
            metrics.readers.labels(queue.durable).set(bool(info.push_bound))

    def _tell_streams(self, streams: Iterable[StreamInfo]) -> None:
        metrics = self._metrics
        metrics.stream_messages.clear()
        metrics.stream_fill.clear()
        for stream in streams:
            name = stream.config.name or ""
            metrics.stream_messages.labels(name).set(stream.state.messages)
            if stream.config.discard == DiscardPolicy.NEW:
                metrics.stream_fill.labels(name).set(fill_of(stream))

    async def _queues(self) -> list[_Queue]:
        found = await asyncio.gather(*(self._queue(durable) for durable in self._durables()))
        return [queue for queue in found if queue is not None]

    async def _queue(self, durable: Subscription) -> _Queue | None:
        try:
            info = await self._js.consumer_info(durable.stream, durable.durable, timeout=_PATIENCE)
            idle = not info.num_pending and not info.num_ack_pending
            return _Queue(durable.durable, info, 0.0 if idle else await self._oldest(durable, info))
        except (APIError, nats.errors.Error, OSError):
            return None

    async def _oldest(self, durable: Subscription, info: ConsumerInfo) -> float:
        """The first message behind those that are acked without a gap is the oldest that isn't."""
        after = 1 + ((info.ack_floor.stream_seq or 0) if info.ack_floor else 0)
        try:
            first = await self._js.get_msg(
                durable.stream, seq=after, subject=durable.filter_subject, direct=True, next=True
            )
        except NotFoundError:
            # It was acked meanwhile.
            return 0.0
        return max(time.time() - first.time.timestamp(), 0.0) if first.time else 0.0

    async def _streams(self) -> list[StreamInfo]:
        try:
            return await self._js.streams_info()
        except (APIError, nats.errors.Error, OSError):
            return []

    async def _dead_letters(self) -> dict[str, int]:
        try:
            info = await self._js.stream_info(DEADLETTER, f"{_LETTERS}>")
        except (APIError, nats.errors.Error, OSError):
            return {}
        return {subject.removeprefix(_LETTERS): count for subject, count in (info.state.subjects or {}).items()}


def fill_of(stream: StreamInfo) -> float:
    """From 0 to 1; 0 of a stream without limits."""
    config, state = stream.config, stream.state
    limits = ((state.messages, config.max_msgs), (state.bytes, config.max_bytes))
    return max((held / most for held, most in limits if most and most > 0), default=0.0)
