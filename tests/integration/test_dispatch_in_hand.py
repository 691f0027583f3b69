"""The dispatch core: a message in hand stays in hand for as long as its work takes."""

import asyncio
from collections.abc import Sequence
from typing import Any
from unittest import mock

from nats.aio.msg import Msg

from contracts.errors import ErrorCode, PenstockError
from infra.broker import Stored
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, Publication
from infra.streams import REQUESTED
from tests.support.acks import ACK, IN_PROGRESS, NAK, spied_acks
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.stages import refuse, running_stage
from tests.support.waiting import eventually

DURABLE = "validation-interactive"


class Slow:
    """A handler that ends when it is told to."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.may_end = asyncio.Event()

    async def __call__(self, job: Job) -> Outcome:
        self.runs.append(job.position.deliveries)
        await self.may_end.wait()
        return Outcome("done")


async def settled(pipeline: Pipeline) -> bool:
    return await pipeline.held(REQUESTED) == 0


async def test_work_that_takes_longer_than_the_ack_wait_is_done_once(pipeline: Pipeline, log: RecordedLog) -> None:
    handler = Slow()
    async with spied_acks(pipeline.client, REQUESTED, DURABLE) as spy, running_stage(pipeline, log.logger, handler):
        await pipeline.publish_request()
        # Four in each ack wait, which is a second.
        await eventually(lambda: len(spy.of(IN_PROGRESS)) >= 9)
        handler.may_end.set()
        await eventually(lambda: settled(pipeline))
    assert handler.runs == [1]
    assert len(spy.of(ACK)) == 1


async def test_what_comes_to_a_process_that_is_stopping_is_not_begun(pipeline: Pipeline, log: RecordedLog) -> None:
    handler = Slow()
    async with (
        spied_acks(pipeline.client, REQUESTED, DURABLE) as spy,
        running_stage(pipeline, log.logger, handler, concurrency=1) as dispatcher,
    ):
        await pipeline.publish_request()
        await eventually(lambda: handler.runs)
        draining = asyncio.create_task(dispatcher.drain(patience=30))
        await pipeline.publish_request()
        await eventually(lambda: spy.of(NAK))
        handler.may_end.set()
        await draining
    assert handler.runs == [1]
    assert await pipeline.held(REQUESTED) == 1


async def test_a_message_that_waits_for_a_slot_is_kept_alive_too(pipeline: Pipeline, log: RecordedLog) -> None:
    handler = Slow()
    async with (
        spied_acks(pipeline.client, REQUESTED, DURABLE) as spy,
        running_stage(pipeline, log.logger, handler, concurrency=1),
    ):
        await pipeline.publish_request()
        await pipeline.publish_request()
        await eventually(lambda: spy.of(IN_PROGRESS).count(2) >= 6)
        assert handler.runs == [1]
        handler.may_end.set()
        await eventually(lambda: settled(pipeline))
    assert handler.runs == [1, 1]


async def test_a_redelivery_of_what_is_in_hand_is_not_worked_on_twice(pipeline: Pipeline, log: RecordedLog) -> None:
    handler = Slow()
    lost: list[str] = []
    in_progress = Msg.in_progress

    async def lost_for_a_while(message: Msg) -> None:
        # Until the server has delivered it again, as when a pause kept us from telling that we live.
        if message.metadata.num_delivered > 1:
            await in_progress(message)
        else:
            lost.append(message.reply)

    with mock.patch.object(Msg, "in_progress", lost_for_a_while):
        async with spied_acks(pipeline.client, REQUESTED, DURABLE) as spy, running_stage(pipeline, log.logger, handler):
            await pipeline.publish_request()
            await eventually(lambda: spy.of(IN_PROGRESS), what="it was not delivered again")
            handler.may_end.set()
            await eventually(lambda: settled(pipeline))
    assert lost
    assert handler.runs == [1]
    assert len(spy.of(ACK)) == 1


async def test_a_message_that_takes_its_worker_down_each_time_is_given_up_on_unseen(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    handler = Slow()
    request_id = await pipeline.publish_request()
    await refuse(pipeline, "validation", times=pipeline.settings.max_deliveries)
    async with running_stage(pipeline, log.logger, handler):
        failed = await eventually(lambda: pipeline.failed(request_id))
        (letter,) = await eventually(pipeline.dead_letters)
        await eventually(lambda: settled(pipeline))
    assert not handler.runs
    assert failed.error.code == ErrorCode.INTERNAL_ERROR
    assert letter.reason == "delivered 4 times without an outcome: it takes its worker down"


async def test_a_message_whose_end_could_not_be_stored_is_not_taken_for_one_that_takes_its_worker_down(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    runs: list[int] = []
    most, emit_all = pipeline.settings.max_deliveries, Emitter.emit_all

    async def away(job: Job) -> Outcome:
        runs.append(job.position.deliveries)
        if len(runs) <= most:
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "not now", stage="probe", retryable=True)
        return Outcome("done")

    async def lost_once(emitter: Emitter, job: Job, publications: Sequence[Publication], *more: Any) -> list[Stored]:
        # The broker dies just as the request is to be told that it was tried often enough.
        if len(runs) == most:
            raise TimeoutError
        return await emit_all(emitter, job, publications, *more)

    with mock.patch.object(Emitter, "emit_all", lost_once):
        async with running_stage(pipeline, log.logger, away):
            request_id = await pipeline.publish_request()
            await eventually(lambda: settled(pipeline))
    assert runs == list(range(1, most + 2))
    assert not await pipeline.terminals(request_id)
    assert not await pipeline.dead_letters()


async def test_a_message_whose_ack_was_lost_is_not_taken_for_one_that_takes_its_worker_down(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    runs: list[int] = []
    most, ack = pipeline.settings.max_deliveries, Msg.ack

    async def done_at_last(job: Job) -> Outcome:
        runs.append(job.position.deliveries)
        if len(runs) < most:
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "not now", stage="probe", retryable=True)
        return Outcome("done")

    async def lost_once(message: Msg) -> None:
        if message.metadata.num_delivered > most:
            await ack(message)

    with mock.patch.object(Msg, "ack", lost_once):
        async with running_stage(pipeline, log.logger, done_at_last):
            await pipeline.publish_request()
            await eventually(lambda: settled(pipeline))
    assert runs == list(range(1, most + 2))
    assert not await pipeline.dead_letters()
