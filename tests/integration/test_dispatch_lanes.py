"""The dispatch core: slots for work in hand, of which bulk work has a share and people have the first choice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from contracts.subjects import Lane
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.streams import REQUESTED, consumer_config, stage_subscriptions
from tests.support.acks import IN_PROGRESS, spied_acks
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.stages import running_stage
from tests.support.waiting import eventually

SLOTS = 4


class OneByOne:
    """A handler whose work ends when a test says so; what it has in hand, by lane, in the order it was begun."""

    def __init__(self) -> None:
        self.begun: list[Lane] = []
        self.in_hand: list[Lane] = []
        self._may_end = asyncio.Semaphore(0)

    async def __call__(self, job: Job) -> Outcome:
        self.begun.append(job.lane)
        self.in_hand.append(job.lane)
        await self._may_end.acquire()
        self.in_hand.remove(job.lane)
        return Outcome("done")

    def end(self, count: int) -> None:
        """Let so many end, those that were begun first."""
        for _ in range(count):
            self._may_end.release()


@pytest.fixture
async def crowded(pipeline: Pipeline) -> Pipeline:
    """The server hands over as much bulk work as there is: what is left to keep order is the worker itself."""
    for subscription in stage_subscriptions(pipeline.settings, pipeline.catalog)["validation"]:
        config = replace(consumer_config(subscription, pipeline.settings), max_ack_pending=1000)
        await pipeline.js.add_consumer(subscription.stream, config=config)
    return pipeline


@asynccontextmanager
async def both_spied(pipeline: Pipeline) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Gives a function that waits until the process has so many messages, begun or not: it says that they live."""
    async with AsyncExitStack() as stack:
        spies = [
            await stack.enter_async_context(spied_acks(pipeline.client, REQUESTED, f"validation-{lane}"))
            for lane in Lane
        ]

        async def has(count: int) -> None:
            await eventually(lambda: len({seq for spy in spies for seq in spy.of(IN_PROGRESS)}) == count)

        yield has


async def test_bulk_work_leaves_slots_free_for_people(crowded: Pipeline, log: RecordedLog) -> None:
    handler = OneByOne()
    async with both_spied(crowded) as process_has, running_stage(crowded, log.logger, handler, concurrency=SLOTS):
        for _ in range(20):
            await crowded.publish_request(lane=Lane.BATCH)
        await process_has(20)
        assert handler.in_hand == [Lane.BATCH]
        for _ in range(SLOTS - 1):
            await crowded.publish_request()
        await eventually(lambda: len(handler.in_hand) == SLOTS)
        assert handler.begun == [Lane.BATCH, *[Lane.INTERACTIVE] * (SLOTS - 1)]
        handler.end(20 + SLOTS)
        await eventually(lambda: not handler.in_hand and len(handler.begun) == 20 + SLOTS - 1)


async def test_a_freed_slot_goes_to_a_person_first(crowded: Pipeline, log: RecordedLog) -> None:
    handler = OneByOne()
    async with both_spied(crowded) as process_has, running_stage(crowded, log.logger, handler, concurrency=SLOTS):
        for _ in range(SLOTS):
            await crowded.publish_request()
        await eventually(lambda: len(handler.in_hand) == SLOTS)
        for lane in (Lane.BATCH, Lane.INTERACTIVE):
            for _ in range(SLOTS):
                await crowded.publish_request(lane=lane)
        await process_has(3 * SLOTS)
        handler.end(SLOTS)
        await eventually(lambda: len(handler.begun) == 2 * SLOTS)
        assert set(handler.begun) == {Lane.INTERACTIVE}
        handler.end(2 * SLOTS)
        await eventually(lambda: handler.begun.count(Lane.BATCH) == SLOTS)
