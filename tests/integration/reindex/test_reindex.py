"""The re-index worker: the next version is built beside the live one, and answers if it is no worse.

Stand-ins do the work of the document workers here, so that a test can hold, lose and fail documents; with the real ones
together it is in `test_with_all_workers`.
"""

import pytest

from contracts import subjects
from contracts.reindex import ReindexState
from infra.index.version import VersionState
from tests.support.index import STORE, TENANT
from tests.support.reindexing import Rig
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

LIVE, PAST, DROPPED = VersionState.LIVE, VersionState.PAST, VersionState.DROPPED


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
