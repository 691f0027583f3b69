"""Who is not in a hurry gives way to those who are, but not for ever, and never with all that is in hand."""

import asyncio

from contracts.subjects import Lane
from infra.dispatch.courtesy import NARROW, Courtesy
from infra.dispatch.gate import LaneGate
from tests.support.clock import Clock
from workers.batchers import Batchers

NEVER = 3600.0
FULL = NARROW * 8


class Bulk:
    """Bulk jobs that have all come at once, and those of them that a gate let in."""

    def __init__(self, gate: LaneGate, jobs: int) -> None:
        self.gate = gate
        self.begun = 0
        self.tasks = [asyncio.create_task(self._begin()) for _ in range(jobs)]

    async def _begin(self) -> None:
        await self.gate.acquire(Lane.BATCH)
        self.begun += 1

    async def end(self, jobs: int) -> None:
        """So many jobs are done; whoever may begin then has begun."""
        for _ in range(jobs):
            self.gate.release(Lane.BATCH)
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_while_somebody_searches_few_bulk_jobs_begin():
    courtesy = Courtesy()
    with courtesy.passing():
        bulk = Bulk(LaneGate(FULL * 4, FULL, courtesy), FULL)
        await settle()
        assert bulk.begun == NARROW
        await bulk.end(1)
        assert bulk.begun == NARROW + 1
    bulk.gate.turn_away()


async def test_a_search_that_comes_lets_what_is_in_hand_end_before_more_begins():
    courtesy = Courtesy()
    gate = LaneGate(FULL * 4, FULL, courtesy)
    bulk = Bulk(gate, FULL * 2)
    await settle()
    assert bulk.begun == FULL
    with courtesy.passing():
        await bulk.end(FULL - NARROW)
        assert bulk.begun == FULL
        await bulk.end(1)
        assert bulk.begun == FULL + 1
    gate.turn_away()


async def test_when_nobody_has_searched_for_a_while_the_next_job_that_ends_lets_all_the_others_in():
    clock = Clock(1000.0)
    courtesy = Courtesy(clock)
    with courtesy.passing():
        bulk = Bulk(LaneGate(FULL * 4, FULL, courtesy), FULL)
        await settle()
    await bulk.end(1)
    assert bulk.begun == NARROW + 1
    clock.now += 60
    await bulk.end(1)
    assert bulk.begun == FULL


async def test_bulk_work_never_starves_however_long_people_search():
    courtesy = Courtesy()
    with courtesy.passing():
        bulk = Bulk(LaneGate(4, 1, courtesy), 20)
        for done in range(1, 20):
            await settle()
            assert bulk.begun == done
            await bulk.end(1)
    assert bulk.begun == 20


async def test_people_have_as_many_places_as_ever():
    courtesy = Courtesy()
    with courtesy.passing():
        gate = LaneGate(FULL, 1, courtesy)
        async with asyncio.timeout(5):
            for _ in range(FULL):
                await gate.acquire(Lane.INTERACTIVE)


async def test_a_batch_waits_for_no_more_than_can_come_while_bulk_work_gives_way():
    written: list[list[int]] = []

    async def write(_: str, items: list[int]) -> None:
        written.append(items)

    courtesy = Courtesy()
    batchers = Batchers[str, int](write, FULL, NEVER, courtesy)
    with courtesy.passing():
        async with asyncio.timeout(5):
            await asyncio.gather(*(batchers.add("x", Lane.BATCH, number) for number in range(NARROW)))
    assert [len(items) for items in written] == [NARROW]


async def test_when_nobody_passes_nobody_waits():
    await asyncio.wait_for(Courtesy().lull(60), 1)


async def test_who_waits_goes_on_when_the_last_has_passed():
    courtesy = Courtesy()
    with courtesy.passing():
        with courtesy.passing():
            waiting = asyncio.create_task(courtesy.lull(60))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_who_has_waited_long_enough_goes_on():
    courtesy = Courtesy()
    with courtesy.passing():
        await asyncio.wait_for(courtesy.lull(0.01), 1)
