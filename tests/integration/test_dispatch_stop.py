"""A worker process that is told to stop at a bad moment."""

import asyncio
import time
from contextlib import ExitStack
from unittest import mock

import nats
from nats.aio.msg import Msg
from pydantic_core import Url

from infra.dispatch import subscriber
from infra.dispatch.core import Dispatcher
from infra.settings import Settings
from infra.streams import REQUESTED
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.servers import running_nats
from tests.support.waiting import eventually
from tests.support.workers import Interceptor, StartWorkers, intercepted, running_workers
from workers.names import WORKERS


async def test_what_has_reached_the_process_and_no_handler_yet_is_not_left_to_the_ack_wait(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    await pipeline.configure(ack_wait=30.0)
    may_go_on = asyncio.Event()

    async def hesitate(_: object, dispatcher: Dispatcher, message: Msg) -> None:
        await may_go_on.wait()
        dispatcher.accept(message)

    with mock.patch.object(subscriber, "_hand_over", hesitate):
        async with workers("validation") as first:
            for _ in range(20):
                await pipeline.publish_request()
            await eventually(lambda: all_delivered(pipeline, 20))
            stopping = asyncio.create_task(first.stop())
            await eventually(lambda: nobody_listens(pipeline))
            may_go_on.set()
            await stopping
    async with workers("validation"):
        await eventually(lambda: is_empty(pipeline))


async def all_delivered(pipeline: Pipeline, count: int) -> bool:
    return (await pipeline.consumer(REQUESTED, "validation-interactive")).num_ack_pending == count


async def nobody_listens(pipeline: Pipeline) -> bool:
    return not (await pipeline.consumer(REQUESTED, "validation-interactive")).push_bound


async def is_empty(pipeline: Pipeline) -> bool:
    return await pipeline.held(REQUESTED) == 0


async def test_a_stop_while_the_broker_is_away_ends_without_waiting_for_it(
    settings: Settings, log: RecordedLog
) -> None:
    taking_their_time = Interceptor(held=True)
    with ExitStack() as broker:
        server = await asyncio.to_thread(broker.enter_context, running_nats())
        settings = settings.model_copy(update={"nats_url": Url(server.url), "drain_timeout": 1.0})
        client = await nats.connect(server.url)
        pipeline = Pipeline(client, settings)
        await pipeline.start_afresh()
        with intercepted("validation", "inference.requested", taking_their_time):
            async with running_workers(WORKERS, settings, log.logger) as workers:
                request_id = await pipeline.publish_request()
                await eventually(lambda: taking_their_time.runs[request_id])
                await client.close()
                await asyncio.to_thread(broker.close)
                await eventually(lambda: log.events("nats_disconnected"))
                taking_their_time.open_gate()
                begun = time.monotonic()
                await workers.stop()
    # A last call to the server, which goes unheard, and then the time that work in hand has.
    assert time.monotonic() - begun < 2 + settings.drain_timeout + 2
