"""The gate, with a stand-in for who measures: what keeps a version from going live, and that it says so."""

import pytest

from contracts.reindex import ReindexState
from infra.index.version import VersionState
from tests.support.index import STORE, TENANT
from tests.support.logs import RecordedLog
from tests.support.reindexing import Rig
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

LIVE, DROPPED = VersionState.LIVE, VersionState.DROPPED


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
