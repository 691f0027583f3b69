"""A re-index that is paused, cancelled, stopped and gone on with: nothing is lost, and nothing is done twice."""

import asyncio

import pytest

from contracts.reindex import ReindexState
from infra.index.jobs import Wish
from infra.index.version import VersionState
from infra.streams import SUBMITTED
from infra.telemetry.told import document_digest
from tests.support.index import STORE, TENANT
from tests.support.logs import RecordedLog
from tests.support.reindexing import Rig
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

LIVE, DROPPED = VersionState.LIVE, VersionState.DROPPED


async def test_while_it_is_paused_nothing_more_is_put_on_the_queue(rig: Rig, workers: StartWorkers):
    await rig.fill(3)
    async with rig.standing_in(), workers("reindex"):
        await rig.jobs.create(TENANT, STORE, rig.request())
        await rig.wish(Wish.PAUSE)
        await rig.ask()
        assert (await rig.until(ReindexState.PAUSED)).pending == 3
        assert await rig.pipeline.held(SUBMITTED) == 0
        assert not rig.indexers.seen
        # No worker is taken up by it, and its message is done with.
        await rig.settled()
        await rig.wish(Wish.RUN)
        assert (await rig.ended()).state == ReindexState.COMPLETED


async def test_what_was_on_the_queue_when_it_was_paused_is_finished(rig: Rig, workers: StartWorkers):
    await rig.fill(3)
    rig.indexers.open.clear()
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        await eventually(lambda: rig.are_queued(3))
        await rig.wish(Wish.PAUSE)
        await rig.until(ReindexState.PAUSED)
        rig.indexers.open.set()
        await eventually(lambda: rig.is_done(3))
        assert (await rig.jobs.find(TENANT, "job")).state == ReindexState.PAUSED
        await rig.settled()
        await rig.wish(Wish.RUN)
        assert (await rig.ended()).state == ReindexState.COMPLETED


@pytest.mark.parametrize("before", [ReindexState.BUILDING, ReindexState.PAUSED, ReindexState.CHECKING])
async def test_one_that_is_cancelled_leaves_nothing(rig: Rig, workers: StartWorkers, before: ReindexState):
    await rig.fill(2)
    rig.judge.error = {"code": "overloaded", "message": "later", "stage": "retrieval", "retryable": True}
    if before is not ReindexState.CHECKING:
        rig.indexers.open.clear()
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        if before is ReindexState.PAUSED:
            await rig.until(ReindexState.BUILDING)
            await rig.wish(Wish.PAUSE)
        row = await rig.until(before)
        await rig.wish(Wish.CANCEL)
        ended = await rig.ended()
        rig.indexers.open.set()
        await rig.settled()
    assert (ended.state, ended.version) == (ReindexState.CANCELLED, row.version_id)
    assert await rig.states() == {rig.index.version.id: LIVE, row.version_id: DROPPED}


async def test_one_that_is_cancelled_before_it_began_never_does(rig: Rig, workers: StartWorkers):
    await rig.jobs.create(TENANT, STORE, rig.request())
    await rig.wish(Wish.CANCEL)
    async with workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
    assert (ended.state, ended.version) == (ReindexState.CANCELLED, None)


# Whoever goes on with it


async def test_a_process_that_stops_holds_nobody_up(rig: Rig, workers: StartWorkers):
    await rig.fill(1)
    rig.indexers.open.clear()
    async with rig.standing_in(), workers("reindex") as process:
        await rig.ask()
        await rig.until(ReindexState.BUILDING)
        async with asyncio.timeout(2):
            await process.stop()


async def test_another_process_goes_on_where_one_was_stopped(rig: Rig, workers: StartWorkers):
    names = await rig.fill(3)
    rig.indexers.open.clear()
    async with rig.standing_in():
        async with workers("reindex"):
            await rig.ask()
            await eventually(lambda: rig.are_queued(3))
        assert (await rig.jobs.find(TENANT, "job")).state == ReindexState.BUILDING
        async with workers("reindex"):
            rig.indexers.open.set()
            ended = await rig.ended()
    assert (ended.state, ended.done) == (ReindexState.COMPLETED, 3)
    assert rig.indexers.seen == dict.fromkeys(names, 1)
    assert len(await rig.states()) == 2


async def test_one_that_had_ended_is_only_told_again(rig: Rig, workers: StartWorkers):
    await rig.jobs.create(TENANT, STORE, rig.request())
    version = await rig.jobs.begin(TENANT, "job", rig.index.version.spec)
    await rig.jobs.end(TENANT, "job", ReindexState.REFUSED, reason="worse")
    async with workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
    assert (ended.state, ended.reason) == (ReindexState.REFUSED, "worse")
    assert (await rig.states())[version.id] == DROPPED


async def test_a_full_queue_is_waited_for(rig: Rig, workers: StartWorkers):
    await rig.pipeline.configure(queue_messages=5)
    names = await rig.fill(30)
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
    assert (ended.state, ended.done) == (ReindexState.COMPLETED, 30)
    assert rig.indexers.seen == dict.fromkeys(names, 1)


async def test_a_document_that_was_lost_is_put_on_the_queue_again(rig: Rig, workers: StartWorkers, log: RecordedLog):
    await rig.fill(5)
    rig.indexers.lose["d002"] = 2
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
    assert (ended.state, ended.done) == (ReindexState.COMPLETED, 5)
    assert rig.indexers.seen["d002"] == 3
    assert [entry["first"] for entry in log.events("documents_lost")] == [document_digest("d002")] * 2


async def test_a_document_that_is_always_lost_is_given_up(rig: Rig, workers: StartWorkers):
    await rig.fill(5)
    rig.indexers.lose["d002"] = 100
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
    assert (ended.state, ended.done, ended.failed) == (ReindexState.REFUSED, 4, 1)
    assert "«d002» for one: it was lost on its way into the index 3 times" in (ended.reason or "")
    assert rig.indexers.seen["d002"] == 3
