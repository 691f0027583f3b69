"""Writing: a batch is in the index as a whole or not at all, once, and only where it is still what the store wants."""

import asyncio
from dataclasses import replace

import numpy as np
import psycopg
import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.index.writer import Written
from tests.support.database import Database
from tests.support.index import SPEC, STORE, TENANT, Index, counts, document_chunks, embed, sha, stored_chunks, texts_of


async def test_a_document_is_found_by_its_vectors_and_its_words(index: Index, database: Database):
    written = await index.add("d", "first words", "second words here", attributes={"n": 1})
    assert written == Written(("d",), (), 2)
    (found, other) = await index.nearest("second words here")
    assert (found.document_id, found.ordinal, found.text) == ("d", 1, "second words here")
    assert (found.filename, found.attributes, found.start, found.end) == ("d.txt", {"n": 1}, 0, 17)
    assert other.text == "first words"
    assert await index.with_word("words") == ["first words", "second words here"]
    assert await index.with_word("here") == ["second words here"]
    assert await counts(index) == (2, 5, 2)
    (state,) = await database.rows("SELECT * FROM document_states")
    assert (state["status"], state["sha256"], state["chunks"]) == (
        "completed",
        sha("first words\nsecond words here"),
        2,
    )
    assert state["usage_bytes"] == len("first wordssecond words here") + 2 * 2 * SPEC.dimension


async def test_headings_and_pages_are_kept(index: Index):
    document = document_chunks("d", "text")
    document = replace(document, chunks=[replace(document.chunks[0], heading="A > Ü", page=3, start=7, end=11)])
    await index.register(document)
    await index.write(document)
    (found,) = await index.nearest("text")
    assert (found.heading, found.page, found.start, found.end) == ("A > Ü", 3, 7, 11)


async def test_what_postgresql_can_not_hold_is_replaced_and_fails_no_batch(index: Index):
    """Parsers of binary formats let such characters through."""
    await index.add("d", "nul \0 and half \ud83d pair")
    assert texts_of(await index.nearest("x")) == ["nul \ufffd and half ? pair"]
    assert await index.with_word("nul")


async def test_a_document_without_text_is_completed(index: Index, database: Database):
    assert (await index.add("empty")).documents == ("empty",)
    assert await database.rows("SELECT status, chunks FROM document_states") == [{"status": "completed", "chunks": 0}]
    await index.add("silent", "...", attributes={})
    assert await counts(index) == (1, 1, 1)


async def test_a_batch_that_comes_again_changes_nothing(index: Index, database: Database):
    documents = [document_chunks(f"d{number}", f"text number {number}") for number in range(5)]
    for document in documents:
        await index.register(document)
    assert len((await index.write(*documents)).documents) == 5
    before = await counts(index), await stored_chunks(index, database)
    states = await database.rows("SELECT * FROM document_states ORDER BY document_id")
    again = await index.write(*documents)
    assert (again.documents, again.left_out, again.chunks) == ((), tuple(f"d{number}" for number in range(5)), 0)
    assert (await counts(index), await stored_chunks(index, database)) == before
    assert await database.rows("SELECT * FROM document_states ORDER BY document_id") == states


async def test_copies_that_come_at_once_are_written_once(index: Index):
    documents = [document_chunks(f"d{number}", f"text number {number}") for number in range(20)]
    for document in documents:
        await index.register(document)
    written = await asyncio.gather(*(index.write(*documents) for _ in range(4)))
    assert sorted(len(each.documents) for each in written) == [0, 0, 0, 20]
    assert await counts(index) == (20, 60, 20)


async def test_writers_of_different_documents_lose_nothing_of_each_other(index: Index):
    documents = [document_chunks(f"d{number}", f"text number {number}", "more") for number in range(24)]
    for document in documents:
        await index.register(document)
    await asyncio.gather(*(index.write(*documents[start : start + 3]) for start in range(0, 24, 3)))
    assert await counts(index) == (48, 96, 48)
    assert len(await index.with_word("text")) == 24


async def test_new_content_takes_the_place_of_the_old(index: Index, database: Database):
    await index.add("d", "old one", "old two")
    await index.add("other", "stays")
    await index.add("d", "new")
    assert await stored_chunks(index, database) == [("d", 0, "new"), ("other", 0, "stays")]
    assert not await index.with_word("old")
    assert await index.with_word("new") == ["new"]
    assert await counts(index) == (2, 2, 4)
    assert await index.documents.indexed(index.version, ["d", "x"]) == {"d": sha("new")}


async def test_content_that_is_no_longer_wanted_is_left_out(index: Index, database: Database):
    """A message that was slow, or came again, after a newer submission."""
    old, new = document_chunks("d", "old"), document_chunks("d", "new")
    await index.register(old)
    await index.register(new)
    assert (await index.write(old)).left_out == ("d",)
    assert (await index.write(new)).documents == ("d",)
    assert (await index.write(old)).left_out == ("d",)
    assert await stored_chunks(index, database) == [("d", 0, "new")]


async def test_in_one_batch_too(index: Index, database: Database):
    old, new = document_chunks("d", "old"), document_chunks("d", "new")
    await index.register(new)
    assert (await index.write(new, old)).documents == ("d",)
    assert await stored_chunks(index, database) == [("d", 0, "new")]


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "other"},
        {"embeddings": np.ones((1, 8))},
        {"embeddings": np.full((1, SPEC.dimension), np.inf)},
    ],
    ids=["another model", "another dimension", "no number"],
)
async def test_vectors_that_do_not_fit_are_refused_and_nothing_of_their_batch_is_written(
    index: Index, fields: dict[str, object]
):
    good, bad = document_chunks("good", "text"), document_chunks("bad", "text", **fields)
    await index.register(good)
    await index.register(bad)
    with pytest.raises(PenstockError) as raised:
        await index.write(good, bad)
    assert (raised.value.code, raised.value.retryable, raised.value.param) == (
        ErrorCode.INVALID_REQUEST,
        False,
        "bad",
    )
    assert await counts(index) == (0, 0, 0)


async def test_a_batch_that_breaks_off_leaves_nothing_behind(index: Index, database: Database):
    """Two chunks of one number: the database itself refuses the second."""
    good, bad = document_chunks("good", "text"), document_chunks("bad", "one", "two")
    bad = replace(bad, chunks=[bad.chunks[0], bad.chunks[0]])
    for document in (good, bad):
        await index.register(document)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await index.write(good, bad)
    assert await counts(index) == (0, 0, 0)
    assert not await database.rows("SELECT 1 FROM document_states UNION SELECT 1 FROM index_segments")
    assert (await index.write(good)).documents == ("good",)


async def test_the_order_of_a_batch_is_that_of_its_chunks(index: Index):
    documents = [document_chunks(f"d{number}", f"text {number}") for number in (3, 1, 2)]
    for document in documents:
        await index.register(document)
    await index.write(*documents)
    assert await index.with_word("text") == ["text 3", "text 1", "text 2"]


async def test_the_length_of_a_vector_makes_no_difference(index: Index):
    await index.register(document := document_chunks("d", "text", embeddings=embed("text")[None] * 1e9))
    await index.write(document)
    async with index.searcher.live(TENANT, STORE) as search:
        hits = await search.search_vectors(embed("text") / 1e9, 1)
    assert hits.scores.tolist() == pytest.approx([1], abs=1e-3)
