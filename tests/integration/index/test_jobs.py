"""Re-indexes as rows: one at a time a store, each with a version of its own, and an end that stays."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from contracts.reindex import ReindexRequested, ReindexState
from infra.index.jobs import Reindex, ReindexJobs, Wish
from infra.index.paging import Paging
from infra.index.version import VersionState
from tests.support.index import OTHER, SPEC, STORE, TENANT, Index, document_chunks, make_index


def asked(job_id: str = "job", **fields: object) -> ReindexRequested:
    return ReindexRequested.model_validate({"job_id": job_id, "store": STORE, **fields})


@pytest.fixture
def jobs(engine: AsyncEngine) -> ReindexJobs:
    return ReindexJobs(engine)


@pytest.fixture
async def job(jobs: ReindexJobs, index: Index) -> Reindex:
    return await jobs.create(TENANT, STORE, asked())


async def state_of(index: Index, version: int) -> str:
    return (await index.versions.find(TENANT, version)).state


async def test_a_re_index_is_noted_once_however_often_it_is_asked_for(jobs: ReindexJobs, job: Reindex):
    assert await jobs.create(TENANT, STORE, asked(chunk_tokens=9)) == job
    assert (job.state, job.wish, job.request) == (ReindexState.REQUESTED, Wish.RUN, asked())


async def test_a_store_has_one_re_index_at_a_time(jobs: ReindexJobs, job: Reindex):
    with pytest.raises(PenstockError, match="'job' of this vector store has not ended") as raised:
        await jobs.create(TENANT, STORE, asked("second"))
    assert raised.value.code == ErrorCode.INVALID_REQUEST
    await jobs.end(TENANT, job.id, ReindexState.CANCELLED)
    assert (await jobs.create(TENANT, STORE, asked("second"))).id == "second"


async def test_of_two_that_are_asked_for_at_once_one_is_refused(jobs: ReindexJobs, index: Index):
    both = (jobs.create(TENANT, STORE, asked(name)) for name in ("one", "two"))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Reindex, PenstockError}


async def test_a_version_is_brought_up_to_date_beside_a_re_index(jobs: ReindexJobs, job: Reindex, index: Index):
    beside = await jobs.create(TENANT, STORE, asked("beside", catch_up=index.version.id))
    assert beside.version_id == index.version.id


async def test_a_re_index_of_a_store_that_is_not_there_is_not_noted(jobs: ReindexJobs, index: Index):
    for tenant, store in ((TENANT, "nowhere"), (OTHER, STORE)):
        with pytest.raises(PenstockError, match="does not exist"):
            await jobs.create(tenant, store, asked())


async def test_another_tenant_sees_no_re_index(jobs: ReindexJobs, job: Reindex, engine: AsyncEngine):
    await make_index(engine, OTHER)
    assert await jobs.list(OTHER, STORE, Paging()) == ([], False)
    for attempt in (jobs.find(OTHER, job.id), jobs.wish(OTHER, STORE, job.id, Wish.CANCEL)):
        with pytest.raises(PenstockError, match="'job' does not exist"):
            await attempt
    assert (await jobs.find(TENANT, job.id)).wish == Wish.RUN


async def test_a_re_index_is_its_stores_alone(jobs: ReindexJobs, job: Reindex):
    with pytest.raises(PenstockError, match="'job' does not exist"):
        await jobs.find(TENANT, job.id, "vs_another")


async def test_the_newest_are_listed_first(jobs: ReindexJobs, job: Reindex):
    await jobs.end(TENANT, job.id, ReindexState.FAILED, reason="no")
    await jobs.create(TENANT, STORE, asked("later"))
    found, more = await jobs.list(TENANT, STORE, Paging(limit=1))
    assert ([each.id for each in found], more) == (["later"], True)


async def test_it_has_one_version_however_often_it_begins(jobs: ReindexJobs, job: Reindex, index: Index):
    made = await asyncio.gather(*(jobs.begin(TENANT, job.id, SPEC) for _ in range(4)))
    assert {version.id for version in made} == {made[0].id}
    assert len(await index.versions.of_store(TENANT, STORE)) == 2
    assert (await jobs.find(TENANT, job.id)).version_id == made[0].id


async def test_how_far_it_has_come_is_kept(jobs: ReindexJobs, job: Reindex):
    await jobs.advance(TENANT, job.id, state=ReindexState.BUILDING, done=3, failed=1, pending=6, rate=2.0)
    found = await jobs.find(TENANT, job.id)
    assert (found.state, found.done, found.failed, found.pending, found.total) == ("building", 3, 1, 6, 10)
    assert found.eta_seconds == 3.0


@pytest.mark.parametrize("end", [ReindexState.CANCELLED, ReindexState.REFUSED, ReindexState.FAILED])
async def test_what_did_not_go_live_never_will(jobs: ReindexJobs, job: Reindex, index: Index, end: ReindexState):
    version = await jobs.begin(TENANT, job.id, SPEC)
    await jobs.end(TENANT, job.id, end, reason="why")
    assert await state_of(index, version.id) == VersionState.FAILED
    assert await jobs.switch(TENANT, job.id) == await jobs.find(TENANT, job.id)
    assert (await index.versions.live(TENANT, STORE)).id == index.version.id


async def test_what_has_ended_stays_ended(jobs: ReindexJobs, job: Reindex):
    ended = await jobs.end(TENANT, job.id, ReindexState.REFUSED, reason="worse")
    assert await jobs.end(TENANT, job.id, ReindexState.CANCELLED) == ended
    assert await jobs.advance(TENANT, job.id, state=ReindexState.BUILDING, done=9) == ended
    with pytest.raises(PenstockError, match="it is refused"):
        await jobs.wish(TENANT, STORE, job.id, Wish.PAUSE)


async def test_a_switch_and_the_end_come_together(jobs: ReindexJobs, job: Reindex, index: Index):
    version = await jobs.begin(TENANT, job.id, SPEC)
    ended = await jobs.switch(TENANT, job.id, quality={"found": 50})
    assert ended is not None
    assert (ended.state, ended.quality) == (ReindexState.COMPLETED, {"found": 50})
    assert (await index.versions.live(TENANT, STORE)).id == version.id
    assert await state_of(index, index.version.id) == VersionState.PAST


async def test_no_switch_while_the_live_version_holds_more(jobs: ReindexJobs, job: Reindex, index: Index):
    await index.add("d", "words")
    version = await jobs.begin(TENANT, job.id, SPEC)
    assert await jobs.switch(TENANT, job.id) is None
    await index.write(document_chunks("d", "words", message_id="again"), version=version)
    assert await jobs.switch(TENANT, job.id) is not None


@pytest.mark.parametrize("wish", [Wish.PAUSE, Wish.CANCEL])
async def test_no_switch_against_the_owners_wish(jobs: ReindexJobs, job: Reindex, index: Index, wish: Wish):
    await jobs.begin(TENANT, job.id, SPEC)
    await jobs.wish(TENANT, STORE, job.id, wish)
    assert await jobs.switch(TENANT, job.id) is None
    assert (await index.versions.live(TENANT, STORE)).id == index.version.id
