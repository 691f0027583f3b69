"""Index versions: one is live, others are made, switched to, gone back from and dropped without a search noticing."""

import asyncio

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.index.version import VersionSpec, VersionState
from infra.index.versions import IndexVersions
from tests.support.database import Database
from tests.support.index import OTHER, SPEC, STORE, TENANT, Index, document_chunks, make_store, texts_of


async def tables(database: Database) -> set[str]:
    rows = await database.rows(
        r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(chunks|postings)_\d+$'"
    )
    return {row["relname"] for row in rows}


async def states(index: Index) -> list[str]:
    return [version.state for version in await index.versions.of_store(TENANT, STORE)]


async def test_a_new_version_has_tables_of_its_own_and_answers_nothing_yet(index: Index, database: Database):
    made = await index.versions.create(TENANT, STORE, SPEC)
    assert (made.state, made.spec, made.chunks, made.graph_effort) == (VersionState.BUILDING, SPEC, 0, None)
    assert {f"chunks_{made.id}", f"postings_{made.id}"} <= await tables(database)
    assert (await index.versions.live(TENANT, STORE)).id == index.version.id


async def test_a_store_without_a_version_has_none_that_is_live(engine: AsyncEngine):
    await make_store(engine, TENANT, STORE)
    with pytest.raises(PenstockError, match="an index of the vector store 'vs_docs' does not exist"):
        await IndexVersions(engine).live(TENANT, STORE)


async def test_a_first_version_is_live_at_once_and_two_who_make_it_have_one(engine: AsyncEngine, database: Database):
    await make_store(engine, TENANT, STORE)
    versions = IndexVersions(engine)
    made = await asyncio.gather(*(versions.ensure_live(TENANT, STORE, SPEC) for _ in range(3)))
    (only,) = await versions.of_store(TENANT, STORE)
    assert made == [only] * 3
    assert (only.state, only.spec, only.switched_at is not None) == (VersionState.LIVE, SPEC, True)
    assert await tables(database) == {f"chunks_{only.id}", f"postings_{only.id}"}


async def test_a_version_that_is_live_stays_so_whatever_is_asked_of_a_first_one(index: Index):
    other = VersionSpec("another", "2", 8, {})
    assert await index.versions.ensure_live(TENANT, STORE, other) == index.version


async def test_a_store_that_is_not_there_or_is_anothers_gets_no_first_version(index: Index):
    for tenant, store in ((TENANT, "vs_none"), (OTHER, STORE)):
        with pytest.raises(PenstockError) as raised:
            await index.versions.ensure_live(tenant, store, SPEC)
        assert raised.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("dimension", [0, 4001, -1])
async def test_a_dimension_that_no_graph_can_have_is_refused(index: Index, dimension: int):
    with pytest.raises(PenstockError) as raised:
        await index.versions.create(TENANT, STORE, VersionSpec("m", "1", dimension, {}))
    assert raised.value.code == ErrorCode.INVALID_REQUEST


async def test_the_largest_dimension_can_be_written_and_searched(index: Index):
    made = await index.versions.create(TENANT, STORE, VersionSpec("words", "1", 4000, {}))
    await index.versions.switch(TENANT, made.id)
    document = document_chunks("d", "x" * 5000, embeddings=np.ones((1, 4000)))
    await index.register(document)
    await index.write(document, version=made)
    async with index.searcher.live(TENANT, STORE) as search:
        assert (await search.search_vectors(np.ones(4000), 1)).scores.tolist() == pytest.approx([1], abs=1e-3)


async def test_a_switch_changes_what_is_found_and_a_rollback_changes_it_back(index: Index):
    await index.add("d", "old words")
    after = await index.versions.create(TENANT, STORE, SPEC)
    await index.write(document_chunks("d", "old words", message_id="again"), version=after)
    await index.add("e", "only in the old version")
    assert (await index.versions.switch(TENANT, after.id)).switched_at is not None
    assert await states(index) == [VersionState.PAST, VersionState.LIVE]
    assert texts_of(await index.nearest("old words")) == ["old words"]
    assert (await index.versions.rollback(TENANT, STORE)).id == index.version.id
    assert await states(index) == [VersionState.LIVE, VersionState.PAST]
    assert len(await index.nearest("old words")) == 2
    assert (await index.versions.rollback(TENANT, STORE)).id == after.id


async def test_there_is_no_way_back_from_the_first_version(index: Index):
    with pytest.raises(PenstockError, match="no earlier index"):
        await index.versions.rollback(TENANT, STORE)


async def test_a_version_that_failed_its_gate_never_goes_live(index: Index):
    made = await index.versions.create(TENANT, STORE, SPEC)
    await index.versions.fail(TENANT, made.id)
    with pytest.raises(PenstockError, match="is failed and can't go live"):
        await index.versions.switch(TENANT, made.id)
    with pytest.raises(PenstockError, match="is live and can't become failed"):
        await index.versions.fail(TENANT, index.version.id)


async def test_what_is_dropped_gives_its_space_back_and_stays_in_the_list(index: Index, database: Database):
    made = await index.versions.create(TENANT, STORE, SPEC)
    document = document_chunks("d", "words")
    await index.register(document)
    await index.write(document, version=made)
    for _ in range(2):
        await index.versions.drop(TENANT, made.id)
    assert await states(index) == [VersionState.LIVE, VersionState.DROPPED]
    assert await tables(database) == {f"chunks_{index.version.id}", f"postings_{index.version.id}"}
    assert not await database.rows("SELECT 1 FROM document_states UNION SELECT 1 FROM index_segments")
    with pytest.raises(PenstockError, match="does not exist"):
        await index.write(document_chunks("d", "words", message_id="late"), version=made)
    with pytest.raises(PenstockError, match="does not exist"):
        async with index.searcher.version(TENANT, made.id):
            pass


async def test_the_live_version_can_not_be_dropped(index: Index):
    with pytest.raises(PenstockError, match="is live and can't become dropped"):
        await index.versions.drop(TENANT, index.version.id)


async def test_a_store_goes_with_all_that_it_held(index: Index, other: Index, database: Database):
    await index.add("d", "words")
    await index.versions.drop(TENANT, (await index.versions.create(TENANT, STORE, SPEC)).id)
    await index.versions.create(TENANT, STORE, SPEC)
    await other.add("d", "other words")
    await index.versions.drop_store(TENANT, STORE)
    assert await tables(database) == {f"chunks_{other.version.id}", f"postings_{other.version.id}"}
    left = await database.rows("SELECT tenant_id FROM documents UNION ALL SELECT tenant_id FROM index_versions")
    assert [row["tenant_id"] for row in left] == [OTHER, OTHER]
    assert texts_of(await other.nearest("x")) == ["other words"]
    with pytest.raises(PenstockError, match="'vs_docs' does not exist"):
        await index.versions.drop_store(TENANT, STORE)


async def test_of_many_switches_at_once_one_version_is_live_in_the_end(index: Index):
    made = [await index.versions.create(TENANT, STORE, SPEC) for _ in range(3)]
    await asyncio.gather(*(index.versions.switch(TENANT, version.id) for version in made))
    assert sorted(await states(index)) == [VersionState.LIVE, *[VersionState.PAST] * 3]
    live = await index.versions.live(TENANT, STORE)
    assert live.state == VersionState.LIVE


async def test_no_search_is_without_an_answer_while_versions_are_switched(index: Index):
    """Each search sees one version from its beginning to its end."""
    await index.add("d", "the words")
    after = await index.versions.create(TENANT, STORE, SPEC)
    await index.write(document_chunks("d", "the words", message_id="again"), version=after)
    switching = True

    async def search() -> int:
        searches = 0
        while switching or not searches:
            assert texts_of(await index.nearest("the words")) == ["the words"]
            assert await index.with_word("words") == ["the words"]
            searches += 1
        return searches

    searching = [asyncio.create_task(search()) for _ in range(2)]
    await index.versions.switch(TENANT, after.id)
    for _ in range(10):
        await index.versions.rollback(TENANT, STORE)
    switching = False
    assert all(await asyncio.gather(*searching))


async def test_a_search_that_has_begun_ends_in_its_version(index: Index):
    await index.add("d", "the words")
    after = await index.versions.create(TENANT, STORE, SPEC)
    async with index.searcher.live(TENANT, STORE) as search:
        await index.versions.switch(TENANT, after.id)
        assert search.version.id == index.version.id
        assert len((await search.postings(["words"])).terms["words"]) == 1
    assert not await index.nearest("the words")


async def test_statistics_say_what_is_there(index: Index):
    await index.add("d", "one two", "three")
    statistics = await index.versions.statistics(TENANT, index.version.id)
    assert (statistics.documents, statistics.chunks, statistics.total_length) == ({"completed": 1}, 2, 3)
    assert statistics.segments == 1
    assert statistics.bytes > 8192
    await index.versions.set_quality(TENANT, index.version.id, {"ndcg": 0.7})
    assert (await index.current()).quality == {"ndcg": 0.7}
    made = await index.versions.create(TENANT, STORE, SPEC)
    assert [version.id for version in await index.versions.of_store(TENANT, STORE, VersionState.BUILDING)] == [made.id]


async def test_a_stores_settings_say_how_the_version_is_made_that_is_live(index: Index, database: Database):
    made = await index.versions.create(TENANT, STORE, VersionSpec("other", "2", 8, {"tokens": 64, "overlap": 8}))
    await index.versions.switch(TENANT, made.id)
    query = "SELECT settings FROM vector_stores"
    assert await database.rows(query) == [
        {"settings": {"embedding_model": "other", "chunk_tokens": 64, "chunk_overlap": 8}}
    ]
    await index.versions.rollback(TENANT, STORE)
    (row,) = await database.rows(query)
    assert (row["settings"]["embedding_model"], row["settings"]["chunk_tokens"]) == (SPEC.model, 100)
