"""Every worker: it lets go of a message only once what came of it is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
from nats.js.api import DiscardPolicy

from tests.integration.conformance.cases import stream_of
from tests.integration.conformance.rig import Rig
from tests.support.acks import IN_PROGRESS
from tests.support.messages import message_of
from tests.support.waiting import eventually
from tests.support.workers import Interceptor

LONGER_THAN_ACK_WAIT = 6
"""In-progress acks: they come four times in each ack wait."""


@asynccontextmanager
async def nowhere_to_put_it(rig: Rig) -> AsyncIterator[None]:
    """While the body runs, what the worker has to say can't be stored."""
    async with full_table(rig) if "row" in rig.case.produces else full_stream(rig):
        yield


@asynccontextmanager
async def full_table(rig: Rig) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(rig.database.url) as connection:
        await connection.execute("LOCK TABLE usage, responses IN SHARE MODE")
        yield


@asynccontextmanager
async def full_stream(rig: Rig) -> AsyncIterator[None]:
    js, event = rig.pipeline.js, rig.case.produces[0]
    stream = stream_of(event)
    config = (await js.stream_info(stream)).config
    filler = "penstock.v1.cache.stored.acme.filler" if event == "cache.stored" else message_of(event, "filler").subject
    await rig.pipeline.publish(filler, b"", {"Nats-Msg-Id": "filler"})
    await js.update_stream(replace(config, max_msgs=await rig.pipeline.held(stream), discard=DiscardPolicy.NEW))
    yield
    await js.update_stream(config)


async def test_a_message_is_in_hand_until_its_output_can_be_stored(rig: Rig) -> None:
    counting = Interceptor()
    with rig.intercepted(counting):
        async with rig.spied() as spy, rig.running():
            async with nowhere_to_put_it(rig):
                request_id = await rig.give()
                await eventually(lambda: len(spy.of(IN_PROGRESS)) >= LONGER_THAN_ACK_WAIT)
                consumer = await rig.pipeline.consumer(rig.case.stream(), rig.case.durable_of())
                assert (consumer.num_ack_pending, consumer.num_redelivered) == (1, 0)
                assert set(spy.said) == {IN_PROGRESS}
                assert rig.case.produces[0] not in await rig.outputs(request_id)
            await rig.exactly_once(request_id)
    assert counting.runs[request_id] == 1, "the work was done again for want of room"


async def test_nothing_is_lost_when_the_worker_stops_before_there_is_room(rig: Rig) -> None:
    await rig.pipeline.configure(drain_timeout=1)
    async with rig.spied() as spy:
        async with nowhere_to_put_it(rig):
            async with rig.running():
                request_id = await rig.give()
                await eventually(lambda: spy.of(IN_PROGRESS))
            consumer = await rig.pipeline.consumer(rig.case.stream(), rig.case.durable_of())
            assert (consumer.num_pending or 0) + (consumer.num_ack_pending or 0) == 1
        async with rig.running():
            await rig.done(request_id)
            await rig.settled()
    assert (await rig.outputs(request_id))[rig.case.produces[0]] == 1
    assert not await rig.pipeline.dead_letters()
