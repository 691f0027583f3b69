"""A re-index with every worker of the document flow: searched and written to meanwhile, killed, refused."""

import asyncio
import hashlib
import os
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import nats.errors
import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import ingestion.embedding
from contracts import subjects
from contracts.reindex import ReindexCompleted, ReindexRequested, ReindexState
from contracts.retrieval import RetrievalAnswered, RetrievalRequested
from infra.index.documents import Documents
from infra.index.jobs import ReindexJobs, Wish
from infra.index.version import IndexVersion, VersionState
from infra.index.versions import IndexVersions
from infra.settings import Settings
from infra.streams import REINDEX
from ingestion.embedding import BUILT_IN, Vectors, embedding_model
from tests.support.database import Database
from tests.support.documents import Flow
from tests.support.pipeline import TENANT, Pipeline
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

DOCUMENTS = ("chunking", "embedding", "indexing", "retrieval")
NAMES = [f"docs/{number:02}.md" for number in range(40)]


def text_of(name: str) -> str:
    """Sixty words, of which one is in no other document."""
    rng = random.Random(name)
    words = ["".join(map(rng.choice, ("bcdfgl", "aeiou", "mnprst", "aeio"))) for _ in range(59)]
    return f"{word_of(name)} {' '.join(words)}."


def word_of(name: str) -> str:
    """That word."""
    return f"word{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class Constant:
    """A broken embedding model: whatever it is given, its vector is the same."""

    name, revision, dimension = "constant", "1", 64

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dimension), 0.125, np.float32)


@dataclass
class Seen:
    """What searches answered while others worked."""

    versions: set[int | None] = field(default_factory=set)
    searches: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Docs:
    """The store `docs` of `NAMES`, and what is asked of it."""

    pipeline: Pipeline
    flow: Flow
    store: str

    @property
    def versions(self) -> IndexVersions:
        return IndexVersions(self.flow.engine)

    @property
    def jobs(self) -> ReindexJobs:
        return ReindexJobs(self.flow.engine)

    async def submit(self, *names: str, **fields: object) -> None:
        for name in names:
            await self.flow.submit(name, **{"text": text_of(name), **fields})

    async def live(self) -> IndexVersion:
        return await self.versions.live(TENANT, self.store)

    async def hold(self, version: IndexVersion, *names: str) -> bool:
        """Whether a version has these documents as the store wants them, and the store no more than these."""
        found = await Documents(self.flow.engine).indexed(version, [*NAMES, "new.md", "later.md"])
        return found.keys() == set(names) and await Documents(self.flow.engine).behind(version) == []

    async def ask(self, job_id: str, **fields: object) -> ReindexRequested:
        request = ReindexRequested.model_validate({"job_id": job_id, "store": "docs", **fields})
        body = request.model_dump_json(exclude_none=True).encode()
        await self.pipeline.publish(subjects.reindex("requested", TENANT, job_id), body)
        return request

    async def ended(self, job_id: str) -> ReindexCompleted:
        async def found() -> ReindexCompleted | None:
            stored = await self.pipeline.stored(REINDEX, subjects.reindex("completed", TENANT, job_id))
            return ReindexCompleted.model_validate_json(stored[0].body) if stored else None

        return await eventually(found, within=60, what=f"{job_id} has not ended")

    async def search(self, name: str) -> RetrievalAnswered:
        """Look for a document by its own word."""
        asked = RetrievalRequested(store="docs", queries=(word_of(name),), mode="text", limit=5)
        body = asked.model_dump_json(exclude_none=True).encode()
        reply = await self.pipeline.client.request(subjects.retrieval_requested(TENANT), body, timeout=10)
        return RetrievalAnswered.model_validate_json(reply.data)

    @asynccontextmanager
    async def searched(self) -> AsyncIterator[Seen]:
        """Searches for one document after another go on while the body runs."""
        seen, stop = Seen(), asyncio.Event()

        async def search() -> None:
            while not stop.is_set():
                name = NAMES[seen.searches % len(NAMES)]
                try:
                    answer = await self.search(name)
                except nats.errors.Error as error:
                    seen.problems.append(repr(error))
                    continue
                seen.searches += 1
                seen.versions.add(answer.version)
                if answer.error is not None or not answer.hits or answer.hits[0].document_id != name:
                    seen.problems.append(f"{name}: {answer.error or answer.hits}")
                await asyncio.sleep(0.01)

        searching = asyncio.create_task(search())
        try:
            yield seen
        finally:
            stop.set()
            await searching


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
        await docs.jobs.create(TENANT, docs.store, await docs.ask("job", chunk_tokens=32))
        await docs.jobs.wish(TENANT, docs.store, "job", Wish.PAUSE)
        building = await eventually(lambda: _building(docs), within=15)
        await docs.submit("new.md")
        await eventually(lambda: _both_hold(docs, (before, building), "new.md"), within=15)
        await docs.jobs.wish(TENANT, docs.store, "job", Wish.RUN)
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
        process.kill()
        await process.wait()
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


@asynccontextmanager
async def killable(worker: str, settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in a process of its own, gone afterwards."""
    told = settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    environ = {**os.environ, **{f"PENSTOCK_{name.upper()}": str(value) for name, value in told.items()}}
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "cli", "worker", worker, env=environ)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


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
