"""A re-index with every worker of the document flow: searched and written to meanwhile, killed, refused."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import ingestion.embedding
from contracts import subjects
from contracts.reindex import ReindexState
from infra.index.documents import Documents
from infra.index.jobs import Wish
from infra.index.version import IndexVersion, VersionState
from ingestion.embedding import BUILT_IN, embedding_model
from tests.support.database import Database
from tests.support.documents import Flow
from tests.support.killable import killable
from tests.support.pipeline import TENANT, Pipeline
from tests.support.reindexed_docs import NAMES, Constant, Docs
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

DOCUMENTS = ("chunking", "embedding", "indexing", "retrieval")


@pytest.fixture
async def docs(pipeline: Pipeline, engine: AsyncEngine, workers: StartWorkers) -> AsyncIterator[Docs]:
    """The store, every document in its live version; the workers of documents are stopped again."""
    flow = Flow(pipeline, engine)
    made = Docs(pipeline, flow, (await flow.store("docs")).id)
    async with workers(*DOCUMENTS[:3]):
        await made.submit(*NAMES)
        await eventually(partial(_all_in, made), within=30, what="the documents are not indexed")
    yield made


async def _all_in(docs: Docs) -> bool:
    versions = await docs.versions.of_store(TENANT, docs.store, VersionState.LIVE)
    return bool(versions) and await docs.hold(versions[0], *NAMES)


async def test_an_index_is_replaced_while_it_is_searched_and_written_to(docs: Docs, workers: StartWorkers):
    before = await docs.live()
    async with workers(*DOCUMENTS, "reindex"), docs.searched() as seen:
        await eventually(lambda: seen.searches)
        await docs.jobs.create(TENANT, docs.store, docs.request("job", chunk_tokens=32))
        await docs.jobs.wish(TENANT, docs.store, "job", Wish.PAUSE)
        await docs.ask("job")
        building = await eventually(lambda: _building(docs), within=15)
        await docs.submit("new.md")
        await eventually(lambda: _both_hold(docs, (before, building), "new.md"), within=15)
        await docs.jobs.wish(TENANT, docs.store, "job", Wish.RUN)
        await docs.ask("job", chunk_tokens=32)
        ended = await docs.ended("job")
        assert (ended.state, ended.version, ended.failed) == (ReindexState.COMPLETED, building.id, 0), ended
        live = await docs.live()
        await eventually(lambda: live.id in seen.versions)
        assert await docs.hold(live, *NAMES, "new.md")
        assert live.chunks > 2 * before.chunks

        await docs.submit("later.md")
        await eventually(lambda: docs.hold(live, *NAMES, "new.md", "later.md"), within=15)
        back = await docs.versions.rollback(TENANT, docs.store)
        assert back.id == before.id
        await docs.ask("catch-up", catch_up=back.id)
        assert (await docs.ended("catch-up")).state == ReindexState.COMPLETED
        assert (await docs.search("later.md")).hits[0].document_id == "later.md"
        await eventually(lambda: {back.id, live.id} <= seen.versions)
    assert seen.problems == []


async def _building(docs: Docs) -> IndexVersion | None:
    return next(iter(await docs.versions.of_store(TENANT, docs.store, VersionState.BUILDING)), None)


async def _both_hold(docs: Docs, versions: Sequence[IndexVersion], name: str) -> bool:
    return all([name in await Documents(docs.flow.engine).indexed(version, [name]) for version in versions])


async def test_a_worker_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    docs: Docs, workers: StartWorkers, database: Database
):
    await docs.ask("job", chunk_tokens=32)
    async with killable("reindex", docs.pipeline.settings) as process:
        # Nobody embeds: all of it is on its way when the worker is killed.
        await eventually(lambda: _queued(docs, database), within=30, what="nothing was put on the queue")
        await process.kill()
    async with workers(*DOCUMENTS, "reindex"):
        ended = await docs.ended("job")
    assert (ended.state, ended.done, ended.failed) == (ReindexState.COMPLETED, len(NAMES), 0), ended
    states = [version.state for version in await docs.versions.of_store(TENANT, docs.store)]
    assert states == [VersionState.PAST, VersionState.LIVE]
    told = await database.rows("SELECT document_id FROM document_states WHERE version_id = %(id)s", id=ended.version)
    assert sorted(row["document_id"] for row in told) == NAMES
    doubled = f"SELECT document_id, ordinal FROM chunks_{ended.version:d} GROUP BY 1, 2 HAVING count(*) > 1"
    assert await database.rows(doubled) == []  # type: ignore[arg-type]
    assert await indexed_in(docs, ended.version or 0) == len(NAMES)


async def _queued(docs: Docs, database: Database) -> bool:
    building = await _building(docs)
    if building is None:
        return False
    counted = "SELECT count(*) AS queued FROM document_states WHERE version_id = %(id)s AND status = 'in_progress'"
    (row,) = await database.rows(counted, id=building.id)
    return bool(row["queued"] == len(NAMES))


async def indexed_in(docs: Docs, version: int) -> int:
    """How many `documents.indexed` there are of a version."""
    stored = await docs.pipeline.stored("DOCUMENTS_ENDED", f"{subjects.ROOT}.documents.indexed.*.*.*")
    return sum(message.json()["version"] == version for message in stored)


async def test_a_broken_embedding_model_does_not_get_past_the_gate(
    docs: Docs, workers: StartWorkers, monkeypatch: pytest.MonkeyPatch
):
    factories = {**BUILT_IN, "constant": lambda _: Constant()}
    monkeypatch.setattr(ingestion.embedding, "BUILT_IN", factories)
    monkeypatch.setattr(ingestion.embedding, "embedding_model", partial(embedding_model, factories=factories))
    before = await docs.live()
    async with workers(*DOCUMENTS, "reindex"), docs.searched() as seen:
        await docs.ask("job", embedding_model="constant")
        ended = await docs.ended("job")
    assert ended.state == ReindexState.REFUSED
    assert ended.reason == "of 40 chunks of the new index only 0 were found by their own text"
    states = {version.id: version.state for version in await docs.versions.of_store(TENANT, docs.store)}
    assert states == {before.id: VersionState.LIVE, ended.version: VersionState.DROPPED}
    assert (seen.problems, seen.versions) == ([], {before.id})
