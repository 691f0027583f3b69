"""Searching: by vector and by word, exactly or along a graph; what is deleted, empty or given up is no trouble."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from contracts.errors import PenstockError
from contracts.filters import Comparison
from infra.index import scan
from infra.index.scan import EXACT, Scan
from infra.index.upkeep import finish_bulk
from tests.support.index import SPEC, STORE, TENANT, Index, document_chunks, embed, make_index, texts_of


@pytest.mark.parametrize("vector", [np.ones(8), np.full(16, np.nan), np.ones((1, 16))])
async def test_a_vector_that_does_not_fit_is_refused(index: Index, vector: np.ndarray):
    async with index.searcher.live(TENANT, STORE) as search:
        with pytest.raises(PenstockError, match="16 finite numbers"):
            await search.search_vectors(vector, 5)


async def test_a_vector_of_zeros_is_near_to_nothing(index: Index):
    await index.register(document := document_chunks("zero", "text", embeddings=np.zeros((1, SPEC.dimension))))
    await index.write(document)
    await index.add("d", "other")
    assert texts_of(await index.nearest("x")) == ["other"]
    async with index.searcher.live(TENANT, STORE) as search:
        assert not len((await search.search_vectors(np.zeros(SPEC.dimension), 5)).ids)
        where = Comparison("a", "ne", 1)
        assert not len((await search.search_vectors(np.zeros(SPEC.dimension), 5, where)).ids)
    assert await index.with_word("text") == ["text"]


async def test_an_empty_index_has_an_empty_answer(index: Index):
    assert not await index.nearest("x")
    assert not await index.nearest("x", where=Comparison("a", "eq", 1))
    assert not await index.with_word("x")
    async with index.searcher.live(TENANT, STORE) as search:
        postings = await search.postings(["x"])
        assert (postings.terms, postings.chunks, postings.average_length) == ({}, 0, 0)
        assert await search.fetch([]) == []


async def test_postings_say_what_bm25_needs(index: Index):
    await index.add("d", "the cat the dog", "a bird")
    async with index.searcher.live(TENANT, STORE) as search:
        postings = await search.postings(["the", "bird", "none", "", "the"])
    assert (postings.chunks, postings.average_length, set(postings.terms)) == (2, 3, {"the", "bird"})
    assert postings.terms["the"].frequencies.tolist() == [2]
    assert postings.terms["the"].lengths.tolist() == [4]
    assert postings.terms["bird"].lengths.tolist() == [2]


async def test_frequent_words_are_remembered_and_never_wrong(index: Index):
    """One searcher over writes, deletes, and merges: each time as a new one finds it."""
    kept = index.searcher

    async def frequent() -> list[int]:
        found = []
        for searcher in (kept, kept, index.searcher):
            async with searcher.live(TENANT, STORE) as search:
                found.append((await search.postings(["word"])).terms["word"].chunk_ids.tolist())
        assert found[0] == found[1] == found[2]
        return found[0]

    for number in range(4):
        await index.add(f"d{number}", *(f"word {chunk}" for chunk in range(300)))
        assert len(await frequent()) == 300 * (number + 1)
    await index.documents.delete(TENANT, STORE, ["d1"])
    assert len(await frequent()) == 1200
    await finish_bulk(index.engine, index.version)
    assert len(await frequent()) == 900


async def test_words_of_deleted_chunks_do_not_hide_those_of_others(index: Index):
    """A thousand dead chunks that fit better than the living one."""
    for number in range(3):
        await index.add("d", *(f"{'word ' * 3}{number} {chunk}" for chunk in range(300)))
    await index.add("d", "changed")
    await index.add("e", "a word at last")
    assert await index.with_word("word") == ["a word at last"]


async def test_chunks_come_in_the_order_that_was_asked_for(index: Index):
    await index.add("d", "one", "two", "three")
    async with index.searcher.live(TENANT, STORE) as search:
        ids = (await search.search_vectors(embed("two"), 3)).ids.tolist()
        assert [chunk.id for chunk in await search.fetch([ids[2], 999, ids[0]])] == [ids[2], ids[0]]


async def test_vectors_can_be_asked_for_before_words(index: Index):
    await index.add("d", "some text")
    async with index.searcher.live(TENANT, STORE) as search, search.ask(embed("some text"), ["text"], 1) as asked:
        assert len((await asked.nearest()).hits.ids) == 1
        assert len((await asked.postings()).terms["text"]) == 1


async def test_a_search_that_is_given_up_leaves_its_connection_usable(index: Index):
    await index.add("d", "some text")

    class GivenUpError(Exception):
        pass

    for _ in range(6):  # more often than the pool has connections
        with pytest.raises(GivenUpError):
            async with index.searcher.live(TENANT, STORE) as search, search.ask(embed("x"), ["text"], 1) as asked:
                await asked.postings()
                raise GivenUpError
    assert texts_of(await index.nearest("some text")) == ["some text"]


class TestAlongTheGraph:
    """A version of 900 chunks that counts as large."""

    @pytest.fixture(autouse=True)
    def few_are_many(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(scan, "EXACT_BELOW", 200)
        monkeypatch.setattr(scan, "_BALANCE", 0.05)
        return

    @pytest.fixture
    async def large(self, index: Index) -> Index:
        documents = [document_chunks(f"d{number}", *texts(number)) for number in range(300)]
        for number, document in enumerate(documents):
            await index.register(document, {"percent": number % 100})
        await index.write(*documents)
        return Index(index.engine, await finish_bulk(index.engine, index.version))

    async def test_a_graph_is_built_and_tuned_once_there_are_many_chunks(self, large: Index):
        assert (large.version.graph_effort, large.version.graph_chunks) == (100, 900)

    async def test_a_filter_does_not_ruin_recall(self, large: Index):
        async with large.searcher.live(TENANT, STORE) as search:
            for share, number in product((100, 50, 20, 5, 1, 0), range(20)):
                where, query = Comparison("percent", "lt", share), embed(f"query {number}")
                exact = await search.search_vectors(query, 10, where, by=EXACT)
                async with search.ask(query, (), 10, where) as asked:
                    found = await asked.nearest()
                seen = f"query {number} among {share} percent"
                assert (found.passing is None) == (share >= 20), seen
                assert len(found.hits.ids) == len(exact.ids) == (10 if share > 1 else 9 * share), seen
                assert len(set(found.hits.ids.tolist()) & set(exact.ids.tolist())) >= 0.9 * len(exact.ids), seen
                assert np.all(np.diff(found.hits.scores) <= 0), seen

    async def test_where_the_walk_meets_too_few_everything_is_compared(self, large: Index):
        """The graph is left after so many steps; what passes is elsewhere."""
        where = Comparison("percent", "eq", 7)
        async with large.searcher.live(TENANT, STORE) as search:
            await search._driver.execute("SET LOCAL hnsw.max_scan_tuples = 1")
            async with search.ask(embed("x"), ["text"], 9, where, by=Scan(10)) as asked:
                found = await asked.nearest()
        assert len(found.hits.ids) == 9
        assert found.passing is not None
        assert len(found.passing) == 9

    async def test_writes_and_deletes_go_on(self, large: Index):
        await large.add("new", "a new text")
        assert texts_of(await large.nearest("a new text", 1)) == ["a new text"]
        await large.documents.delete(TENANT, STORE, ["new"])
        assert texts_of(await large.nearest("a new text", 1)) != ["a new text"]


def texts(number: int) -> tuple[str, str, str]:
    return (f"text {number} a", f"text {number} b", f"text {number} c")


async def test_a_small_tenant_is_searched_exactly_whoever_is_its_neighbour(index: Index):
    await index.add("d", *(f"theirs {number}" for number in range(500)))
    small = await make_index(index.engine, "small")
    await small.add("d", *(f"text {number}" for number in range(20)))
    async with small.searcher.live("small", STORE) as search:
        hits = await search.search_vectors(embed("text 7"), 20)
        chunks = await search.fetch(hits.ids.tolist())
    similar = [float(embed(chunk.text) @ embed("text 7") / np.linalg.norm(embed(chunk.text))) for chunk in chunks]
    assert len(chunks) == 20
    assert similar == sorted(similar, reverse=True)
