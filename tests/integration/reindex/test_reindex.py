"""The re-index worker: the next version is built beside the live one, and answers if it is no worse.

Stand-ins do the work of the document workers here, so that a test can hold, lose and fail documents; with the real ones
together it is in `test_with_all_workers`.
"""

import asyncio

import pytest

from contracts import subjects
from contracts.reindex import ReindexState
from infra.index.jobs import Wish
from infra.index.version import VersionState
from infra.streams import SUBMITTED
from tests.support.index import STORE, TENANT
from tests.support.logs import RecordedLog
from tests.support.reindexing import Rig
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

LIVE, PAST, BUILDING, FAILED, DROPPED = (
    VersionState.LIVE,
    VersionState.PAST,
    VersionState.BUILDING,
    VersionState.FAILED,
    VersionState.DROPPED,
)


async def test_every_document_is_read_into_the_next_version_and_it_goes_live(rig: Rig, workers: StartWorkers):
    names = await rig.fill(20)
    async with rig.standing_in(), workers("reindex"):
        await rig.ask(chunk_tokens=64)
        ended = await rig.ended()
        await rig.settled()
    assert (ended.state, ended.done, ended.failed, ended.reason) == (ReindexState.COMPLETED, 20, 0, None)
    live = await rig.index.versions.live(TENANT, STORE)
    assert live.id == ended.version
    assert (live.model, live.dimension, live.chunks) == ("wordllama", 256, 20)
    assert live.chunker == {"tokens": 64, "overlap": 0, "tokenizer": "cl100k_base"}
    assert rig.indexers.seen == dict.fromkeys(names, 1)
    assert ended.quality == live.quality
    assert await rig.states() == {rig.index.version.id: PAST, live.id: LIVE}


async def test_how_far_it_has_come_is_told(rig: Rig, workers: StartWorkers):
    await rig.fill(3)
    rig.indexers.open.clear()
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        await eventually(lambda: rig.is_told(pending=3))
        rig.indexers.open.set()
        await rig.ended()
    told, row = await rig.told(), await rig.jobs.find(TENANT, "job")
    assert (told.job_id, told.store_id, told.version) == ("job", STORE, row.version_id)
    assert (told.state, told.done, told.pending) == (ReindexState.CHECKING, 3, 0)
    assert (row.state, row.done, row.pending, row.rate) == (ReindexState.COMPLETED, 3, 0, 0)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"store": "nowhere"}, "the vector store 'nowhere' does not exist"),
        ({"embedding_model": "nobody"}, "the embedding model «nobody» is neither built in nor in the catalogue"),
        ({"chunk_overlap": 400}, "chunks of 100 tokens can't overlap by 400: at most by half"),
        ({"catch_up": 10**6}, "the index version does not exist"),
    ],
)
async def test_what_can_not_be_done_fails_with_a_reason(
    rig: Rig, workers: StartWorkers, asked: dict[str, object], reason: str
):
    async with workers("reindex"):
        await rig.ask(**asked)
        ended = await rig.ended()
        await rig.settled()
    assert (ended.state, ended.reason, ended.version) == (ReindexState.FAILED, reason, asked.get("catch_up"))
    assert await rig.states() == {rig.index.version.id: LIVE}
    assert not await rig.pipeline.dead_letters()


async def test_a_second_one_of_the_same_store_fails_and_the_first_goes_on(rig: Rig, workers: StartWorkers):
    await rig.fill(1)
    rig.indexers.open.clear()
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        await rig.until(ReindexState.BUILDING)
        await rig.ask("second")
        assert "'job' of this vector store has not ended" in ((await rig.ended("second")).reason or "")
        rig.indexers.open.set()
        assert (await rig.ended()).state == ReindexState.COMPLETED


async def test_a_message_that_is_no_request_is_told_of(rig: Rig, workers: StartWorkers):
    async with workers("reindex"):
        for number, body in enumerate((b"\xff", b"[]", b'{"job_id": "another", "store": "docs"}')):
            await rig.pipeline.publish(subjects.reindex("requested", TENANT, f"bad{number}"), body)
        await rig.pipeline.publish("penstock.v1.reindex.requested.acme.two.tokens", b"{}")
        letters = await eventually(lambda: _at_least(rig, 4))
        await rig.settled()
    assert letters == 4


async def _at_least(rig: Rig, count: int) -> int:
    found = len(await rig.pipeline.dead_letters())
    return found if found >= count else 0


# Pause, resume, cancel


async def test_while_it_is_paused_nothing_more_is_put_on_the_queue(rig: Rig, workers: StartWorkers):
    await rig.fill(3)
    async with rig.standing_in(), workers("reindex"):
        await rig.jobs.create(TENANT, STORE, rig.request())
        await rig.wish(Wish.PAUSE)
        await rig.ask()
        assert (await rig.until(ReindexState.PAUSED)).pending == 3
        assert await rig.pipeline.held(SUBMITTED) == 0
        assert not rig.indexers.seen
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
    assert [entry["first"] for entry in log.events("documents_lost")] == ["d002", "d002"]


async def test_a_document_that_is_always_lost_is_given_up(rig: Rig, workers: StartWorkers):
    await rig.fill(5)
    rig.indexers.lose["d002"] = 100
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
    assert (ended.state, ended.done, ended.failed) == (ReindexState.REFUSED, 4, 1)
    assert "«d002» for one: it was lost on its way into the index 3 times" in (ended.reason or "")
    assert rig.indexers.seen["d002"] == 3


# The gate


async def test_a_document_that_fails_in_the_next_version_alone_keeps_it_from_going_live(
    rig: Rig, workers: StartWorkers
):
    await rig.fill(4)
    rig.indexers.failing["d001"] = "it can't be read"
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
        await rig.settled()
    assert (ended.state, ended.done, ended.failed) == (ReindexState.REFUSED, 3, 1)
    assert ended.reason == (
        "the live index has one document that could not be indexed anew, «d001» for one: it can't be read"
    )
    assert await rig.states() == {rig.index.version.id: LIVE, ended.version: DROPPED}


async def test_a_version_that_can_not_be_read_back_is_refused(rig: Rig, workers: StartWorkers):
    await rig.fill(4)
    rig.judge.found = 30
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
        await rig.settled()
    assert ended.reason == "of 50 chunks of the new index only 30 were found by their own text"
    assert ended.quality is not None
    (row,), _ = await rig.jobs.list(TENANT, STORE, rig.paging)
    assert (row.state, row.quality) == (ReindexState.REFUSED, ended.quality)
    assert await rig.states() == {rig.index.version.id: LIVE, ended.version: DROPPED}


@pytest.mark.parametrize(("loss", "state"), [(0.02, ReindexState.REFUSED), (0.2, ReindexState.COMPLETED)])
async def test_a_version_may_be_worse_by_as_much_as_was_allowed(
    rig: Rig, workers: StartWorkers, loss: float, state: ReindexState
):
    await rig.fill(4)
    rig.judge.ndcg[rig.index.version.id] = 0.8
    async with rig.standing_in(), workers("reindex"):
        await rig.ask(max_quality_loss=loss, evaluation_set="faq")
        ended = await rig.ended()
    assert ended.state == state
    (asked,) = rig.judge.asked
    assert (asked.store, asked.versions, asked.evaluation_set) == (STORE, (rig.index.version.id, ended.version), "faq")


async def test_an_evaluation_set_that_is_not_there_fails_the_re_index(rig: Rig, workers: StartWorkers):
    await rig.fill(1)
    rig.judge.error = {"code": "not_found", "message": "there is no set «faq»", "stage": "retrieval"}
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        ended = await rig.ended()
        await rig.settled()
    assert (ended.state, ended.reason) == (ReindexState.FAILED, "the gate could not measure: there is no set «faq»")
    assert await rig.states() == {rig.index.version.id: LIVE, ended.version: DROPPED}


async def test_the_gate_waits_for_somebody_who_measures(rig: Rig, workers: StartWorkers, log: RecordedLog):
    async with workers("reindex"):
        await rig.ask()
        await rig.until(ReindexState.CHECKING)
        await eventually(lambda: log.events("gate_waits"))
        async with rig.judging():
            assert (await rig.ended()).state == ReindexState.COMPLETED


async def test_versions_that_nobody_goes_back_to_are_dropped(rig: Rig, workers: StartWorkers):
    async with rig.judging(), workers("reindex"):
        for name in ("first", "second", "third"):
            await rig.ask(name)
            assert (await rig.ended(name)).state == ReindexState.COMPLETED
        await rig.settled()
    assert [*(await rig.states()).values()] == [DROPPED, DROPPED, PAST, LIVE]


async def test_a_store_without_an_index_gets_its_first_one(rig: Rig, workers: StartWorkers):
    await rig.new_store("vs_new")
    async with rig.judging(), workers("reindex"):
        await rig.ask(store="vs_new")
        ended = await rig.ended()
    assert (await rig.index.versions.live(TENANT, "vs_new")).id == ended.version


# Catching up


async def test_a_version_that_was_gone_back_to_gets_what_it_lacks(rig: Rig, workers: StartWorkers):
    await rig.fill(3)
    async with rig.standing_in(), workers("reindex"):
        await rig.ask()
        await rig.ended()
        await rig.new_document("later", only=(await rig.index.versions.live(TENANT, STORE)).id)
        back = await rig.index.versions.rollback(TENANT, STORE)
        await rig.ask("catch-up", catch_up=back.id)
        ended = await rig.ended("catch-up")
        await rig.settled()
    assert back.id == rig.index.version.id
    assert (ended.state, ended.version, ended.done) == (ReindexState.COMPLETED, back.id, 4)
    assert rig.indexers.seen["later"] == 1
    assert await rig.index.documents.behind(back) == []
    assert (await rig.states())[back.id] == LIVE


async def test_a_version_that_was_left_again_is_not_brought_up_to_date(rig: Rig, workers: StartWorkers):
    await rig.fill(1)
    another = await rig.index.versions.create(TENANT, STORE, rig.index.version.spec)
    await rig.index.versions.switch(TENANT, another.id)
    async with rig.standing_in(), workers("reindex"):
        await rig.ask(catch_up=rig.index.version.id)
        ended = await rig.ended()
    assert ended.state == ReindexState.CANCELLED
    assert ended.reason == f"the index version {rig.index.version.id} does not answer any more"
    assert await rig.states() == {rig.index.version.id: PAST, another.id: LIVE}
    assert not rig.indexers.seen


async def test_a_process_that_stops_holds_nobody_up(rig: Rig, workers: StartWorkers):
    await rig.fill(1)
    rig.indexers.open.clear()
    async with rig.standing_in(), workers("reindex") as process:
        await rig.ask()
        await rig.until(ReindexState.BUILDING)
        async with asyncio.timeout(2):
            await process.stop()
