"""What an API has taken in is taken in again by the worker, from its message: nothing is undone, nothing is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from infra.index.files import Files, NewFile, document_file_id
from infra.index.intake import Arrival, Given, take_in
from infra.index.store_documents import StoreDocument, StoreDocuments
from tests.support.index import STORE, TENANT, Index, sha

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INLINE = Given(sha("text"), "a.md", "text/markdown", content=b"text")


def arrival(given: Given, **attributes: float) -> Arrival:
    return Arrival(STORE, "d", NOW, given, attributes)


async def registered(index: Index) -> StoreDocument:
    return await StoreDocuments(index.engine).find(TENANT, STORE, "d")


async def test_a_reference_to_what_was_brought_along_keeps_it(index: Index):
    (first,) = await take_in(index.engine, TENANT, [arrival(INLINE)])
    assert first.wanted is not None
    assert first.wanted.file_id == document_file_id(TENANT, STORE, "d")
    by_message = replace(INLINE, file_id=first.wanted.file_id)
    (again,) = await take_in(index.engine, TENANT, [arrival(by_message)])
    assert again.wanted == first.wanted
    contents = await Files(index.engine).contents(TENANT, [first.wanted.file_id])
    assert contents[first.wanted.file_id].content == b"text"


async def test_an_uploaded_file_stays_what_it_is_whatever_a_document_of_it_is_called(index: Index):
    uploaded = NewFile("file-1", "original.md", "assistants", None, b"text")
    (before,) = await Files(index.engine).put(TENANT, [uploaded])
    await take_in(index.engine, TENANT, [arrival(INLINE)])
    renamed = Given(sha("text"), "called otherwise.md", None, "file-1", b"text")
    await take_in(index.engine, TENANT, [replace(arrival(renamed), submitted_at=NOW + timedelta(seconds=1))])
    assert await Files(index.engine).find(TENANT, "file-1") == before
    assert (await registered(index)).file_id == "file-1"
    assert not await Files(index.engine).contents(TENANT, [document_file_id(TENANT, STORE, "d")])


async def test_attributes_that_were_changed_since_stay_when_the_submission_comes_again(index: Index):
    await take_in(index.engine, TENANT, [arrival(INLINE, n=1)])
    await index.documents.set_attributes(TENANT, STORE, "d", {"n": 2})
    await index.documents.rename(TENANT, STORE, "d", "b.md")
    (again,) = await take_in(index.engine, TENANT, [arrival(INLINE, n=1)])
    assert not again.superseded
    assert ((await registered(index)).attributes, (await registered(index)).filename) == ({"n": 2}, "b.md")
    await take_in(index.engine, TENANT, [replace(arrival(INLINE, n=3), submitted_at=NOW + timedelta(seconds=1))])
    assert ((await registered(index)).attributes, (await registered(index)).filename) == ({"n": 3}, "a.md")
