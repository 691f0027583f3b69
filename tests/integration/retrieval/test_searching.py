"""Searches in a store: what they find, in which order, with which scores."""

import asyncio

import pytest
from sqlalchemy import text

from contracts.errors import ErrorCode, PenstockError
from infra.index.transaction import tenant_transaction
from tests.support.index import SPEC, STORE, TENANT, Index, document_chunks, make_store
from tests.support.retrieval import Retrieval

MODES = ("hybrid", "vector", "text", "rrf")
PETS = ("the cat sleeps", "a dog barks", "the bird sings", "cat and dog and bird")


@pytest.fixture
async def pets(index: Index) -> Index:
    """A document a text."""
    for number, each in enumerate(PETS):
        await index.add(f"d{number}", each, attributes={"number": number})
    return index


async def test_words_are_found_the_best_first(pets: Index, retrieval: Retrieval):
    hits = await retrieval.hits("cat", mode="text")
    assert [hit.text for hit in hits] == ["the cat sleeps", "cat and dog and bird"]
    assert hits[0].score == 1 > hits[1].score > 0
    assert retrieval.embedders.asked == []


async def test_a_vector_finds_the_text_that_it_is_of(pets: Index, retrieval: Retrieval):
    hits = await retrieval.hits("a dog barks", mode="vector")
    assert hits[0].text == "a dog barks"
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    assert len(hits) == len(PETS)


async def test_both_together_find_what_either_finds(pets: Index, retrieval: Retrieval):
    """The query is a text that is not there, so its vector is near to nothing; its words are there."""
    for mode in ("hybrid", "rrf"):
        hits = await retrieval.hits("a dog barks", mode=mode)
        assert hits[0].text == "a dog barks"
        assert hits[0].score == pytest.approx(1, abs=1e-3)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert all(0 <= hit.score <= 1 for hit in hits)


async def test_the_weight_says_which_leg_counts(pets: Index, retrieval: Retrieval):
    query = "the bird sings"
    await pets.add("loud", "sings sings sings")
    by_words = await retrieval.texts(query, mode="text")
    by_vector = await retrieval.texts(query, mode="vector")
    assert (await retrieval.texts(query, vector_weight=0))[: len(by_words)] == by_words
    assert (await retrieval.texts(query, vector_weight=1))[0] == by_vector[0]


async def test_a_hit_says_where_it_stands(pets: Index, retrieval: Retrieval):
    (hit,) = await retrieval.hits("Cat! SLEEPS", mode="text", limit=1)
    assert (hit.document_id, hit.filename, hit.attributes) == ("d0", "d0.txt", {"number": 0})
    assert (hit.start, hit.end, hit.ordinal) == (0, len(hit.text), 0)
    assert [hit.text[begin:end] for begin, end in hit.highlights] == ["cat", "sleeps"]


async def test_no_more_than_the_limit_are_shown(pets: Index, retrieval: Retrieval):
    assert len(await retrieval.hits("cat", limit=2)) == 2


async def test_what_scores_below_the_threshold_is_not_shown(pets: Index, retrieval: Retrieval):
    every = await retrieval.hits("a dog barks")
    threshold = (every[0].score + every[1].score) / 2
    assert await retrieval.texts("a dog barks", score_threshold=threshold) == ["a dog barks"]
    assert await retrieval.texts("a dog barks", score_threshold=0) == [hit.text for hit in every]


async def test_of_several_queries_the_best_score_counts(pets: Index, retrieval: Retrieval):
    hits = await retrieval.hits("the cat sleeps", "the bird sings", mode="vector")
    assert {hit.text for hit in hits[:2]} == {"the cat sleeps", "the bird sings"}
    assert all(hit.score == pytest.approx(1, abs=1e-3) for hit in hits[:2])
    alone = {hit.text: hit.score for hit in await retrieval.hits("the cat sleeps", mode="vector")}
    assert all(hit.score >= alone[hit.text] for hit in hits)
    assert len({hit.document_id for hit in hits}) == len(hits)


async def test_only_what_passes_the_filter_is_found(pets: Index, retrieval: Retrieval):
    where = {"type": "gte", "key": "number", "value": 2}
    nothing = {"type": "eq", "key": "number", "value": "2"}
    for mode in MODES:
        found = await retrieval.texts("cat", mode=mode, filters=where)
        assert "cat and dog and bird" in found, mode
        assert set(found) <= {"the bird sings", "cat and dog and bird"}, mode
        assert await retrieval.texts("cat", mode=mode, filters=nothing) == [], mode


async def test_a_filter_that_is_none_is_refused_by_its_path(pets: Index, retrieval: Retrieval):
    answer = await retrieval.answer("cat", filters={"type": "and", "filters": [{"type": "like", "key": "a"}]})
    assert answer.error is not None
    assert (answer.error.code, answer.error.param) == (ErrorCode.INVALID_REQUEST, "filters.filters[0].type")


async def test_what_is_deleted_is_not_shown(pets: Index, retrieval: Retrieval):
    for mode in MODES:
        assert "the cat sleeps" in await retrieval.texts("cat sleeps", mode=mode), mode
    await pets.documents.delete(TENANT, STORE, ["d0"])
    for mode in MODES:
        found = await retrieval.texts("cat sleeps", mode=mode)
        assert "the cat sleeps" not in found, mode
        assert "cat and dog and bird" in found, mode


async def test_what_is_deleted_does_not_hide_what_is_left(index: Index, retrieval: Retrieval):
    """More chunks that fit better than are ever ranked at once, and all of them are gone."""
    for number in range(5):
        await index.add(f"d{number}", *(f"word word word {number} {chunk}" for chunk in range(100)))
    await index.add("left", "a word among many others that don't matter")
    await index.documents.delete(TENANT, STORE, [f"d{number}" for number in range(5)])
    for where in (None, {"type": "ne", "key": "x", "value": 1}):
        assert await retrieval.texts("word", mode="text", filters=where) == [
            "a word among many others that don't matter"
        ]


async def test_a_changed_name_or_attribute_is_seen_at_once(pets: Index, retrieval: Retrieval):
    await pets.documents.rename(TENANT, STORE, "d0", "new.md")
    await pets.documents.set_attributes(TENANT, STORE, "d0", {"number": 99})
    (hit,) = await retrieval.hits("cat", mode="text", filters={"type": "gt", "key": "number", "value": 50})
    assert (hit.filename, hit.attributes) == ("new.md", {"number": 99})


async def test_whatever_is_asked_has_an_answer(pets: Index, retrieval: Retrieval):
    for query in ("", " ", "?!", "\x00", "\x1b[0m", "x" * 20_000, "word " * 5_000, "%s {} $1 '"):
        for mode in MODES:
            assert (await retrieval.answer(query, mode=mode)).error is None, (query[:10], mode)


async def test_a_store_is_found_by_its_name_too(pets: Index, retrieval: Retrieval):
    async with tenant_transaction(pets.engine, TENANT) as connection:
        await connection.execute(text("UPDATE vector_stores SET name = 'pets', confidential = true"))
    answer = await retrieval.answer("cat", store="pets")
    assert (answer.store_id, answer.version, answer.confidential) == (STORE, pets.version.id, True)
    assert answer.hits


async def test_a_store_without_an_index_is_an_empty_one(index: Index, retrieval: Retrieval):
    await make_store(index.engine, TENANT, "vs_new")
    answer = await retrieval.answer("cat", store="vs_new")
    assert (answer.error, answer.store_id, answer.version, answer.hits) == (None, "vs_new", None, ())


async def test_a_store_that_is_not_there_is_told_so(index: Index, retrieval: Retrieval):
    answer = await retrieval.answer("cat", store="nowhere")
    assert answer.error is not None
    assert answer.error.code == ErrorCode.NOT_FOUND


async def test_a_store_that_has_expired_is_told_so(pets: Index, retrieval: Retrieval):
    async with tenant_transaction(pets.engine, TENANT) as connection:
        await connection.execute(
            text("UPDATE vector_stores SET last_active_at = now() - interval '2 days', expires_after = '{\"days\": 1}'")
        )
    answer = await retrieval.answer("cat")
    assert answer.error is not None
    assert "expired" in answer.error.message


async def test_a_search_counts_as_a_use_of_the_store(pets: Index, retrieval: Retrieval):
    async with tenant_transaction(pets.engine, TENANT) as connection:
        await connection.execute(text("UPDATE vector_stores SET last_active_at = now() - interval '2 days'"))
    await retrieval.hits("cat")
    await asyncio.gather(*retrieval.parts.stores._touching)
    async with tenant_transaction(pets.engine, TENANT) as connection:
        query = text("SELECT last_active_at > now() - interval '1 hour' FROM vector_stores")
        assert await connection.scalar(query)


async def test_a_named_version_is_searched_instead_of_the_live_one(pets: Index, retrieval: Retrieval):
    building = await pets.versions.create(TENANT, STORE, SPEC)
    new = document_chunks("d0", "the cat is awake")
    await pets.register(new)
    await pets.write(new, version=building)
    assert "the cat is awake" not in await retrieval.texts("cat")
    assert await retrieval.texts("cat", version=building.id) == ["the cat is awake"]


async def test_a_version_that_is_gone_or_another_stores_is_told_so(pets: Index, retrieval: Retrieval):
    await make_store(pets.engine, TENANT, "vs_second")
    elsewhere = await pets.versions.create(TENANT, "vs_second", SPEC)
    dropped = await pets.versions.create(TENANT, STORE, SPEC)
    await pets.versions.drop(TENANT, dropped.id)
    for number in (elsewhere.id, dropped.id, 10**6, 2**62):
        answer = await retrieval.answer("cat", version=number)
        assert answer.error is not None, number
        assert answer.error.code == ErrorCode.NOT_FOUND


async def test_a_search_goes_on_in_the_version_that_was_switched_to(pets: Index, retrieval: Retrieval):
    """What is remembered of the store is of the version before, which is dropped at once."""
    await retrieval.hits("cat")
    new = await pets.versions.create(TENANT, STORE, SPEC)
    await pets.write(*(document_chunks(f"d{number}", each) for number, each in enumerate(PETS)), version=new)
    await pets.versions.switch(TENANT, new.id)
    await pets.versions.drop(TENANT, pets.version.id)
    answer = await retrieval.answer("cat")
    assert (answer.error, answer.version) == (None, new.id)
    assert len(answer.hits) == len(PETS)


async def test_no_search_fails_or_is_empty_while_versions_come_and_go(pets: Index, retrieval: Retrieval):
    done = asyncio.Event()

    async def search() -> int:
        count = 0
        while not done.is_set():
            assert len(await retrieval.hits("cat and dog")) == len(PETS)
            count += 1
        return count

    searching = [asyncio.create_task(search()) for _ in range(4)]
    live = pets.version
    for _ in range(6):
        new = await pets.versions.create(TENANT, STORE, SPEC)
        await pets.write(*(document_chunks(f"d{number}", each) for number, each in enumerate(PETS)), version=new)
        await pets.versions.switch(TENANT, new.id)
        await pets.versions.drop(TENANT, live.id)
        live = new
    done.set()
    assert all(count > 3 for count in await asyncio.gather(*searching))


async def test_the_same_query_is_embedded_once(pets: Index, retrieval: Retrieval):
    for _ in range(3):
        await retrieval.hits("cat", "dog")
    assert retrieval.embedders.asked == ["cat", "dog"]


async def test_an_index_of_another_revision_is_searched_by_words_only(pets: Index, retrieval: Retrieval):
    retrieval.embedders.revision = "2"
    answer = await retrieval.answer("cat")
    assert answer.error is not None
    assert "re-index" in answer.error.message
    assert await retrieval.texts("cat", mode="text")


async def test_what_the_embedding_model_says_reaches_the_caller(pets: Index, retrieval: Retrieval):
    retrieval.embedders.error = PenstockError(
        ErrorCode.RATE_LIMITED, "slowly, please", stage="provider", retryable=True, retry_after=3
    )
    answer = await retrieval.answer("cat")
    assert answer.error is not None
    assert (answer.error.code, answer.error.retry_after) == (ErrorCode.RATE_LIMITED, 3)


async def test_searches_are_counted_by_how_they_end(pets: Index, retrieval: Retrieval):
    await retrieval.hits("cat", mode="text")
    await retrieval.hits("nothing", mode="text")
    await retrieval.answer("cat", mode="text", store="nowhere")
    for outcome in ("found", "empty", "not_found"):
        labels = {"mode": "text", "outcome": outcome}
        assert retrieval.registry.get_sample_value("penstock_retrieval_searches_total", labels) == 1
