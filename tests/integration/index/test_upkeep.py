"""Upkeep: segments merge and graphs are built while searches and writers go on."""

import asyncio
from collections.abc import Iterator

import pytest

from infra.index import scan, segments
from infra.index.graph import build_graph, tune_graph
from infra.index.segments import merge_segments
from infra.index.tiers import FAN_OUT
from infra.index.transaction import outside_transactions
from infra.index.upkeep import finish_bulk, maintain
from infra.index.version_tables import about
from tests.support.database import Database
from tests.support.index import SPEC, STORE, TENANT, Index, document_chunks, texts_of


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """More than 20 chunks are worth a graph."""
    monkeypatch.setattr(scan, "EXACT_BELOW", 20)
    return


async def segments_of(index: Index) -> int:
    return (await index.versions.statistics(TENANT, index.version.id)).segments


async def test_each_batch_is_a_segment_until_there_are_many(index: Index):
    for number in range(FAN_OUT):
        assert await merge_segments(index.engine, index.version) == 0
        await index.add(f"d{number}", f"text {number}")
    assert await segments_of(index) == FAN_OUT
    assert await merge_segments(index.engine, index.version) == FAN_OUT
    assert await segments_of(index) == 1
    assert await index.with_word("text") == [f"text {number}" for number in range(FAN_OUT)]
    await index.add("e", "text after")
    assert (await index.with_word("text"))[-1] == "text after"


async def test_a_merge_forgets_what_was_deleted(index: Index, database: Database):
    for number in range(4):
        await index.add(f"d{number}", f"text {number}", "silence")
    await index.documents.delete(TENANT, STORE, ["d1", "d2"])
    assert (await index.current()).posted == 8
    assert await merge_segments(index.engine, index.version) == 4
    assert (await index.current()).posted == (await index.current()).chunks == 4
    words = await database.rows(f"SELECT term FROM postings_{index.version.id} ORDER BY term")
    assert [row["term"] for row in words] == ["0", "3", "silence", "text"]
    assert await index.with_word("text") == ["text 0", "text 3"]


async def test_where_everything_was_deleted_nothing_is_left(index: Index, database: Database):
    await index.add("d", "text")
    await index.documents.delete(TENANT, STORE, ["d"])
    assert await merge_segments(index.engine, index.version, everything=True) == 1
    assert await segments_of(index) == 0
    assert not await database.rows(f"SELECT 1 FROM postings_{index.version.id}")
    assert await merge_segments(index.engine, index.version, everything=True) == 0


async def test_a_merge_that_does_not_fit_in_memory_goes_in_parts(index: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(segments, "_AT_ONCE", 64)
    for number in range(4):
        await index.add(f"d{number}", f"text {number} with some words", "and more")
    await index.documents.delete(TENANT, STORE, ["d2"])
    before = {word: await index.with_word(word) for word in ("text", "some", "3", "and", "none")}
    assert await merge_segments(index.engine, index.version, everything=True) == 4
    assert {word: await index.with_word(word) for word in before} == before
    assert (await index.current()).posted == 6


async def test_of_two_merges_at_once_one_does_it(index: Index):
    for number in range(FAN_OUT):
        await index.add(f"d{number}", f"text {number}")
    merges = await asyncio.gather(*(merge_segments(index.engine, index.version) for _ in range(3)))
    assert sum(merges) == FAN_OUT
    assert len(await index.with_word("text")) == FAN_OUT


async def test_writers_and_searches_do_not_wait_for_a_merge(index: Index):
    """A merge that holds its locks until they are through."""
    for number in range(4):
        await index.add(f"d{number}", f"text {number}")
    go_on, merging = asyncio.Event(), asyncio.Event()
    replace = segments._replace

    async def held(*arguments: object) -> None:
        merging.set()
        await go_on.wait()
        await replace(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_replace", held)
        merge = asyncio.create_task(merge_segments(index.engine, index.version, everything=True))
        await merging.wait()
        await index.add("e", "text meanwhile")
        await index.documents.delete(TENANT, STORE, ["d0"])
        assert await index.with_word("text") == ["text 1", "text 2", "text 3", "text meanwhile"]
        go_on.set()
        assert await merge == 4
    assert await index.with_word("text") == ["text 1", "text 2", "text 3", "text meanwhile"]
    assert ((await index.current()).chunks, (await index.current()).posted) == (4, 5)


async def test_a_search_that_has_begun_reads_the_segments_of_its_beginning(index: Index):
    for number in range(4):
        await index.add(f"d{number}", f"text {number}")
    async with index.searcher.live(TENANT, STORE) as search:
        await merge_segments(index.engine, index.version, everything=True)
        assert len((await search.postings(["text"])).terms["text"]) == 4


async def test_a_small_version_gets_no_graph(index: Index):
    await index.add("d", "text")
    assert not await build_graph(index.engine, index.version)
    assert (await finish_bulk(index.engine, index.version)).graph_effort is None


@pytest.mark.usefixtures("few_are_many")
class TestGraphs:
    """More than 20 chunks are worth a graph."""

    async def add(self, index: Index, *names: str) -> None:
        for name in names:
            await index.add(name, *(f"text {name} {number}" for number in range(15)))

    async def test_a_version_that_grows_gets_one(self, index: Index):
        await self.add(index, "a")
        await maintain(index.engine, index.version)
        assert (await index.current()).graph_effort is None
        await self.add(index, "b")
        await maintain(index.engine, index.version)
        assert ((await index.current()).graph_effort, (await index.current()).graph_chunks) == (100, 30)
        assert texts_of(await index.nearest("text b 3", 1)) == ["text b 3"]

    async def test_it_is_tuned_again_when_it_has_doubled(self, index: Index):
        await self.add(index, "a", "b")
        await finish_bulk(index.engine, index.version)
        await self.add(index, "c")
        await maintain(index.engine, index.version)
        assert (await index.current()).graph_chunks == 30
        await self.add(index, "d", "e")
        await maintain(index.engine, index.version)
        assert (await index.current()).graph_chunks == 75

    async def test_vectors_that_are_all_alike_take_no_effort(self, index: Index):
        """None of them is nearer than another: so any will do."""
        one = document_chunks("d", *["the same text"] * 30)
        await index.register(one)
        await index.write(one)
        await build_graph(index.engine, index.version)
        assert await tune_graph(index.engine, index.version) == 100

    async def test_it_is_built_once(self, index: Index):
        await self.add(index, "a", "b")
        built = await asyncio.gather(*(build_graph(index.engine, index.version) for _ in range(2)))
        assert built.count(True) == 1
        assert not await build_graph(index.engine, index.version)

    async def test_one_that_was_interrupted_is_built_anew(self, index: Index, database: Database):
        await self.add(index, "a", "b")
        async with outside_transactions(index.engine) as driver:
            await driver.execute(about("CREATE INDEX {graph} ON {chunks} (length)", index.version.id))
            await driver.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)",
                (f"chunks_{index.version.id}_graph",),
            )
        assert await build_graph(index.engine, index.version)
        (row,) = await database.rows("SELECT indexdef FROM pg_indexes WHERE indexname LIKE %(name)s", name="%_graph")
        assert "USING hnsw" in row["indexdef"]

    async def test_one_whose_builder_died_at_the_end_is_not_built_again(self, index: Index, database: Database):
        await self.add(index, "a", "b")
        await build_graph(index.engine, index.version)
        oid = "SELECT oid FROM pg_class WHERE relname LIKE '%%_graph'"
        before = await database.rows(oid)
        await database.rows("UPDATE index_versions SET graph_effort = NULL RETURNING id")
        assert await build_graph(index.engine, index.version)
        assert await database.rows(oid) == before
        assert (await index.current()).graph_effort == 100

    async def test_writers_go_on_while_it_is_built(self, index: Index):
        await self.add(index, "a", "b")
        building = asyncio.create_task(build_graph(index.engine, index.version))
        for number in range(5):
            await index.add(f"d{number}", f"meanwhile {number}")
        assert await building
        for number in range(5):
            assert texts_of(await index.nearest(f"meanwhile {number}", 1)) == [f"meanwhile {number}"]


async def test_a_bulk_load_ends_with_one_segment_and_little_waste(index: Index):
    made = await index.versions.create(TENANT, STORE, SPEC)
    for number in range(12):
        document = document_chunks(f"d{number}", *(f"{number} text {chunk} in words" for chunk in range(20)))
        await index.register(document)
        await index.write(document, version=made)
    before = await index.versions.statistics(TENANT, made.id)
    finished = await finish_bulk(index.engine, made)
    after = await index.versions.statistics(TENANT, made.id)
    assert (before.segments, after.segments, after.chunks) == (12, 1, 240)
    assert after.bytes <= before.bytes
    await index.versions.switch(TENANT, finished.id)
    assert len(await index.with_word("text")) == 240
