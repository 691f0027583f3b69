"""FastStream's subscribers, bound to the durables that `infra.streams` provisioned."""

import asyncio
from functools import partial

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage
from faststream.nats.subscriber.usecases import PushStreamSubscriber
from nats.aio.msg import Msg

from infra.dispatch.core import Dispatcher
from infra.streams import Subscription
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_PENDING_BYTES = 256 * 1024 * 1024
_LAST_CALL = 2.0


def attach(broker: NatsBroker, subscription: Subscription, dispatcher: Dispatcher) -> PushStreamSubscriber:
    """Feed a durable's messages to a dispatcher, from when the subscriber is started: alone, or with the broker.

    Push with a deliver group: durable and group share one name (FACTS «Cost of a hop»). Acks are the core's alone.
    """
    subscriber = broker.subscriber(
        subscription.filter_subject,
        queue=subscription.durable,
        stream=JStream(subscription.stream, declare=False),
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        pending_bytes_limit=_PENDING_BYTES,
    )

    @subscriber
    async def on_message(message: NatsMessage) -> None:
        dispatcher.accept(message.raw_message)

    # What the client calls with a message. FastStream's own one builds parser, middlewares and contexts around the
    # handler above: 40 µs a message, to hand on what the client gave it.
    subscriber.consume = partial(_hand_over, subscriber, dispatcher)  # type: ignore[method-assign]
    return subscriber


async def detach(broker: NatsBroker, log: Logger) -> None:
    """Take no more messages; those that the server has sent already still come to their dispatchers.

    FastStream's own stop drops them, and nobody else would get them before their ack wait is over.
    """
    subscribers = [found for found in broker.subscribers if isinstance(found, PushStreamSubscriber)]
    await asyncio.gather(*(last_call(subscriber, log) for subscriber in subscribers))


async def last_call(subscriber: PushStreamSubscriber, log: Logger) -> None:
    """The same of one subscriber. It can't be started again."""
    if (subscription := subscriber.subscription) is not None:
        subscriber.subscription = None
        try:
            async with asyncio.timeout(_LAST_CALL):
                await subscription.drain()  # type: ignore[no-untyped-call]
        except (nats.errors.Error, TimeoutError) as error:
            # The broker is away: it delivers again when the ack wait is over.
            log.warning("messages_left_for_redelivery", consumer=subscriber.queue, error=told(error))
    await subscriber.stop()


async def _hand_over(subscriber: PushStreamSubscriber, dispatcher: Dispatcher, message: Msg) -> None:
    if subscriber.running:
        dispatcher.accept(message)
