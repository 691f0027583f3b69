"""Versions that are written to are kept in good shape, in the background and no more often than needed."""

import secrets

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import workers.indexing.upkeep as upkeep_module
from contracts.errors import ErrorCode, PenstockError
from infra.index.embeddings import Embeddings
from infra.index.version import IndexVersion
from infra.index.versions import IndexVersions
from tests.support.clock import Clock
from tests.support.cut_documents import CutDocuments
from tests.support.database import Database
from tests.support.index import SPEC, STORE, TENANT, Index, make_index, sha
from tests.support.logs import RecordedLog
from workers.indexing.upkeep import Upkeep


@pytest.fixture
async def engine(flow: CutDocuments) -> AsyncEngine:
    return flow.engine


@pytest.fixture
async def index(engine: AsyncEngine) -> Index:
    return await make_index(engine)


async def written(index: Index, upkeep: Upkeep, writes: int) -> None:
    """Write so many documents, each a segment."""
    for _ in range(writes):
        document = secrets.token_hex(4)
        await index.add(document, f"text of {document}")
        upkeep.written_to(index.version)


async def segments(database: Database) -> int:
    return len(await database.rows("SELECT segment FROM index_segments"))


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(0.0)


@pytest.fixture
def upkeep(engine: AsyncEngine, log: RecordedLog, clock: Clock[float]) -> Upkeep:
    return Upkeep(engine, log.logger, clock)


@pytest.fixture
def maintained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The versions that got all of their upkeep."""
    versions: list[int] = []

    async def record(_: AsyncEngine, version: IndexVersion) -> None:
        versions.append(version.id)

    monkeypatch.setattr(upkeep_module, "maintain", record)
    return versions


async def test_segments_are_merged_while_writes_go_on(
    index: Index, upkeep: Upkeep, database: Database, maintained: list[int]
):
    await written(index, upkeep, 7)
    await upkeep.look()
    assert await segments(database) == 7
    await written(index, upkeep, 3)
    await upkeep.look()
    assert await segments(database) < 5
    assert maintained == []


async def test_the_graph_is_looked_after_once_nobody_writes_and_only_once(
    index: Index, upkeep: Upkeep, clock: Clock[float], maintained: list[int]
):
    for _ in range(4):
        upkeep.written_to(index.version)
        clock.now += 2
        await upkeep.look()
    assert maintained == []
    clock.now += 1
    await upkeep.look()
    await upkeep.look()
    assert maintained == [index.version.id]


async def test_it_is_looked_after_in_the_end_although_writes_go_on(
    index: Index, upkeep: Upkeep, clock: Clock[float], maintained: list[int]
):
    for _ in range(121):
        upkeep.written_to(index.version)
        clock.now += 1
        await upkeep.look()
    assert maintained == [index.version.id]


async def test_a_version_that_is_being_built_or_was_dropped_is_left_alone(
    index: Index, upkeep: Upkeep, clock: Clock[float], maintained: list[int], log: RecordedLog
):
    building, dropped = [await index.versions.create(TENANT, STORE, SPEC) for _ in range(2)]
    await index.versions.drop(TENANT, dropped.id)
    for version in (building, dropped):
        upkeep.written_to(version)
    clock.now += 10
    await upkeep.look()
    assert maintained == []
    assert not log.events("index_not_kept_up")


async def test_what_could_not_be_done_is_done_later(
    index: Index, upkeep: Upkeep, clock: Clock[float], maintained: list[int], monkeypatch: pytest.MonkeyPatch
):
    async def away(*_: object) -> IndexVersion:
        raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "the database can't be reached", stage="index")

    upkeep.written_to(index.version)
    clock.now += 10
    with monkeypatch.context() as while_away:
        while_away.setattr(IndexVersions, "find", away)
        await upkeep.look()
    assert maintained == []
    await upkeep.look()
    assert maintained == [index.version.id]


async def test_vectors_of_texts_that_are_no_more_are_forgotten_now_and_then(
    index: Index, upkeep: Upkeep, clock: Clock[float], database: Database, maintained: list[int]
):
    await index.add("a", "still there")
    texts = [sha(text) for text in ("still there", "no more", "on its way")]
    await Embeddings(index.engine).keep(TENANT, SPEC.model, SPEC.revision, texts, np.eye(3, SPEC.dimension))
    age = "UPDATE embeddings SET created_at = now() - interval '2 hours' WHERE text_sha = ANY(%(old)s) RETURNING model"
    await database.rows(age, old=texts[:2])
    upkeep.written_to(index.version)
    for hours, left in ((0.5, 3), (1.5, 2)):
        clock.now = hours * 3600
        await upkeep.look()
        assert len(await database.rows("SELECT text_sha FROM embeddings")) == left
