"""The dispatch core with a handler of the test's own, apart from any worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

from contracts.registry import template_of
from infra.broker import Publisher, connect
from infra.dispatch.core import Dispatcher
from infra.dispatch.in_flight import InFlight
from infra.dispatch.job import identify_requested
from infra.dispatch.stage import DispatchTools, Handler, StageSpec
from infra.dispatch.subscriber import attach, detach
from infra.streams import consumer_config, stage_subscriptions
from infra.telemetry.logs import Logger
from infra.telemetry.stage_metrics import StageMetrics
from infra.telemetry.tracing import Tracer
from tests.support.pipeline import Pipeline

STAGE = "probe"


@asynccontextmanager
async def running_stage(
    pipeline: Pipeline, log: Logger, handler: Handler, *, terminal: bool = True, concurrency: int = 8
) -> AsyncIterator[Dispatcher]:
    """A stage called `probe` over `inference.requested`, in validation's place."""
    settings = pipeline.settings
    connection = await connect(settings, STAGE, log)
    in_flight = InFlight(settings.ack_wait)
    tools = DispatchTools(
        publisher=Publisher(connection.acks, STAGE),
        tracer=Tracer(STAGE, None),
        metrics=StageMetrics(CollectorRegistry()),
        log=log,
        in_flight=in_flight,
        max_deliveries=settings.max_deliveries,
    )
    spec = StageSpec(STAGE, template_of("inference.requested"), identify_requested, concurrency, terminal)
    dispatcher = Dispatcher(spec, handler, tools)
    for subscription in stage_subscriptions(settings, pipeline.catalog)["validation"]:
        attach(connection.broker, subscription, dispatcher)
    keep_alive = asyncio.create_task(in_flight.keep_alive())
    try:
        await connection.broker.start()
        yield dispatcher
        await detach(connection.broker, log)
        await dispatcher.drain(settings.drain_timeout)
    finally:
        keep_alive.cancel()
        await connection.close()


@asynccontextmanager
async def refusing(pipeline: Pipeline, worker: str) -> AsyncIterator[None]:
    """While the body runs, each message of a worker's interactive durable is taken and handed back, again and again."""
    client, subscription = pipeline.client, stage_subscriptions(pipeline.settings, pipeline.catalog)[worker][0]

    async def hand_back(message: Msg) -> None:
        await message.nak()

    listening = await client.subscribe(subscription.deliver_subject, queue=subscription.durable, cb=hand_back)
    yield
    await listening.unsubscribe()


async def refuse(pipeline: Pipeline, worker: str, times: int) -> None:
    """Take the next message of a worker's interactive durable and hand it back, so often and no more."""
    client, subscription = pipeline.client, stage_subscriptions(pipeline.settings, pipeline.catalog)[worker][0]
    for _ in range(times):
        listening = await client.subscribe(subscription.deliver_subject, queue=subscription.durable)
        message = await listening.next_msg(timeout=5)
        # The server finds nobody to deliver it to again until the next one listens.
        await listening.unsubscribe()
        await client.flush()
        await message.nak()


async def give_up_after(pipeline: Pipeline, worker: str, deliveries: int) -> None:
    """Have the server itself give up on a worker's messages after so many deliveries."""
    for subscription in stage_subscriptions(pipeline.settings, pipeline.catalog)[worker]:
        config = replace(consumer_config(subscription, pipeline.settings), max_deliver=deliveries)
        await pipeline.js.add_consumer(subscription.stream, config=config)
