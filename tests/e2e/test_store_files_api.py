"""/v1/vector_stores/{id}/files and /file_batches as the openai SDK uses them."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import VectorStore

from tests.e2e.documents import HOSTILE, refusal
from tests.e2e.otlp_sink import OtlpSink
from tests.e2e.running import Penstock

CHAPTER = "# Ownership\n\nEach value in Rust has an owner.\n\n## Borrowing\n\nA reference borrows a value.\n"
HOPS = (
    "POST /v1/vector_stores/{store}/files",
    "send penstock.v1.documents.submitted.{lane}.{tenant}",
    "process penstock.v1.documents.submitted.{lane}.{tenant}",
    "send penstock.v1.documents.chunked.{lane}.{pool}",
    "process penstock.v1.documents.chunked.{lane}.{pool}",
    "send penstock.v1.documents.embedded.{lane}.{tenant}",
    "process penstock.v1.documents.embedded.{lane}.{tenant}",
)


@pytest.fixture(scope="module")
def client(penstock: Penstock) -> Iterator[OpenAI]:
    with penstock.client() as client:
        yield client


@pytest.fixture(scope="module")
def full(client: OpenAI) -> VectorStore:
    """A store with five chapters in it, numbered, done or not; the odd ones are drafts."""
    store = client.vector_stores.create(name="full")
    files = [{"file_id": upload(client, f"{CHAPTER}\nNumber {n}.\n"), "attributes": chapter(n)} for n in range(5)]
    client.vector_stores.file_batches.create(store.id, files=files)  # type: ignore[arg-type]
    return store


def chapter(number: int) -> dict[str, Any]:
    return {"number": number, "draft": bool(number % 2), "title": f"chapter {number}"}


def upload(client: OpenAI, text: str = CHAPTER, name: str = "chapter.md") -> str:
    return client.files.create(file=(name, text.encode()), purpose="assistants").id


def ids(page: Any) -> list[str]:
    return [each.id for each in page]


def test_a_file_can_be_found_once_it_is_completed(client: OpenAI) -> None:
    store = client.vector_stores.create()
    file_id = upload(client)
    file = client.vector_stores.files.create_and_poll(
        file_id, vector_store_id=store.id, attributes={"n": 1, "tag": "a", "draft": False}, poll_interval_ms=50
    )
    assert (file.id, file.object, file.status, file.vector_store_id) == (
        file_id,
        "vector_store.file",
        "completed",
        store.id,
    )
    assert (file.attributes, file.last_error) == ({"n": 1, "tag": "a", "draft": False}, None)
    assert file.usage_bytes > len(CHAPTER)
    content = client.vector_stores.files.content(file_id, vector_store_id=store.id)
    assert "".join(part.text or "" for part in content).split() == CHAPTER.split()
    now = client.vector_stores.retrieve(store.id)
    assert (now.status, now.file_counts.completed, now.file_counts.total) == ("completed", 1, 1)
    assert now.usage_bytes == file.usage_bytes


def test_a_file_is_uploaded_and_put_into_a_store_at_once(client: OpenAI) -> None:
    store = client.vector_stores.create()
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("a.md", CHAPTER.encode()), poll_interval_ms=50
    )
    assert file.status == "completed"


async def test_the_asynchronous_client_can_do_the_same(penstock: Penstock) -> None:
    async with penstock.async_client() as client:
        store = await client.vector_stores.create(name="async")
        uploads = [(f"{number}.md", f"{CHAPTER} {number}".encode()) for number in range(4)]
        batch = await client.vector_stores.file_batches.upload_and_poll(store.id, files=uploads, poll_interval_ms=50)
        assert (batch.status, batch.file_counts.completed, batch.file_counts.total) == ("completed", 4, 4)
        listed = [each async for each in client.vector_stores.files.list(store.id, limit=3)]
        assert {each.status for each in listed} == {"completed"}
        gone = await asyncio.gather(
            *(client.vector_stores.files.delete(each.id, vector_store_id=store.id) for each in listed)
        )
        assert all(each.deleted and each.object == "vector_store.file.deleted" for each in gone)
        assert not [each async for each in client.vector_stores.files.list(store.id)]


def test_a_store_is_made_with_files_in_it(client: OpenAI) -> None:
    file_id = upload(client)
    store = client.vector_stores.create(file_ids=[file_id])
    assert (store.file_counts.total, ids(client.vector_stores.files.list(store.id))) == (1, [file_id])
    assert client.vector_stores.files.poll(file_id, vector_store_id=store.id, poll_interval_ms=50).status == "completed"


def test_the_same_file_again_is_completed_at_once(client: OpenAI) -> None:
    store, file_id = client.vector_stores.create(), upload(client)
    files = client.vector_stores.files
    first = files.create_and_poll(file_id, vector_store_id=store.id, poll_interval_ms=50)
    again = files.create(store.id, file_id=file_id, attributes={"n": 2})
    assert (again.status, again.usage_bytes, again.attributes) == ("completed", first.usage_bytes, {"n": 2})
    assert ids(files.list(store.id, filter="completed")) == [file_id]
    assert ids(files.list(store.id, filter="in_progress")) == []


def test_a_list_goes_in_pages_and_by_status(client: OpenAI, full: VectorStore) -> None:
    files = client.vector_stores.files
    everything = ids(files.list(full.id, order="asc"))
    assert len(everything) == 5
    assert ids(files.list(full.id, limit=2)) == everything[::-1]
    assert ids(files.list(full.id, limit=2, order="asc", before=everything[3]).data) == everything[1:3]
    assert ids(files.list(full.id, after=everything[1], order="asc")) == everything[2:]
    assert ids(files.list(full.id, filter="failed")) == []
    for query, param in (("filter=done", "filter"), ("after=nothing", "after"), ("limit=101", "limit")):
        attempt = f"/vector_stores/{full.id}/files?{query}"
        assert refusal(lambda attempt=attempt: client.get(attempt, cast_to=object)) == (400, param)


def test_other_attributes_and_nothing_else_changes(client: OpenAI, full: VectorStore) -> None:
    files = client.vector_stores.files
    before = files.list(full.id, order="asc").data[2]
    hostile = {name: value[:512] for name, value in HOSTILE.items()}
    changed = files.update(before.id, vector_store_id=full.id, attributes=hostile)
    assert (changed.attributes, changed.created_at) == (hostile, before.created_at)
    assert files.update(before.id, vector_store_id=full.id, attributes=None).attributes == {}
    files.update(before.id, vector_store_id=full.id, attributes=chapter(2))


def test_a_file_that_can_not_be_parsed_has_failed_with_its_reason_and_others_have_not(client: OpenAI) -> None:
    store = client.vector_stores.create()
    bad = client.files.create(file=("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0"), purpose="assistants").id
    broken = client.files.create(file=("a.pdf", b"%PDF-1.7 and no more"), purpose="assistants").id
    good = upload(client)
    batch = client.vector_stores.file_batches.create_and_poll(
        store.id, file_ids=[bad, broken, good], attributes={"n": 1}, poll_interval_ms=50
    )
    assert (batch.status, batch.file_counts.failed, batch.file_counts.completed) == ("completed", 2, 1)
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, filter="failed")
    errors = {each.id: each.last_error for each in listed}
    assert errors.keys() == {bad, broken}
    assert {each.code for each in errors.values() if each} == {"unsupported_file", "invalid_file"}
    assert all(each is not None and each.message for each in errors.values())
    assert client.vector_stores.files.retrieve(good, vector_store_id=store.id).attributes == {"n": 1}


def test_a_batch_s_files_are_listed_in_pages(client: OpenAI) -> None:
    store, files = client.vector_stores.create(), [upload(client, f"text {number}") for number in range(3)]
    batches = client.vector_stores.file_batches
    batch = batches.create(store.id, file_ids=files)
    assert (batch.object, batch.file_counts.total, batch.vector_store_id) == ("vector_store.files_batch", 3, store.id)
    assert ids(batches.list_files(batch.id, vector_store_id=store.id, limit=2)) == files[::-1]
    assert ids(batches.list_files(batch.id, vector_store_id=store.id, order="asc", after=files[0])) == files[1:]
    assert batches.retrieve(batch.id, vector_store_id=store.id).id == batch.id


def test_what_a_batch_has_not_done_yet_can_be_cancelled(penstock: Penstock, client: OpenAI) -> None:
    store = client.vector_stores.create()
    files = [upload(client, f"{CHAPTER} {number}") for number in range(40)]
    batches = client.vector_stores.file_batches
    cancelled = batches.cancel(batches.create(store.id, file_ids=files).id, vector_store_id=store.id)
    assert cancelled.status == "cancelled"
    assert cancelled.file_counts.cancelled + cancelled.file_counts.completed == 40
    shown = ids(batches.list_files(cancelled.id, vector_store_id=store.id, filter="cancelled", limit=100))
    assert len(shown) == cancelled.file_counts.cancelled
    assert not set(shown) & set(ids(client.vector_stores.files.list(store.id)))


def test_what_is_deleted_is_gone_and_its_file_stays(client: OpenAI) -> None:
    store, file_id = client.vector_stores.create(), upload(client)
    files = client.vector_stores.files
    files.create_and_poll(file_id, vector_store_id=store.id, poll_interval_ms=50)
    files.delete(file_id, vector_store_id=store.id)
    for attempt in (files.retrieve, files.delete, files.content):
        assert refusal(lambda attempt=attempt: attempt(file_id, vector_store_id=store.id)) == (404, None)
    assert client.files.content(file_id).content == CHAPTER.encode()
    assert files.create_and_poll(file_id, vector_store_id=store.id, poll_interval_ms=50).status == "completed"


def test_a_deleted_file_leaves_every_store(client: OpenAI) -> None:
    stores, file_id = [client.vector_stores.create(file_ids=[]) for _ in range(2)], upload(client)
    for store in stores:
        client.vector_stores.files.create(store.id, file_id=file_id)
    client.files.delete(file_id)
    assert [ids(client.vector_stores.files.list(store.id)) for store in stores] == [[], []]


def test_a_store_cuts_all_of_its_files_alike(client: OpenAI) -> None:
    static: Any = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}}
    other: Any = {"type": "static", "static": {"max_chunk_size_tokens": 101, "chunk_overlap_tokens": 20}}
    store, file_id = client.vector_stores.create(chunking_strategy=static), upload(client)
    file = client.vector_stores.files.create(store.id, file_id=file_id, chunking_strategy=static)
    assert file.chunking_strategy is not None
    assert file.chunking_strategy.model_dump() == static
    client.vector_stores.files.create(store.id, file_id=file_id, chunking_strategy={"type": "auto"})
    with pytest.raises(openai.BadRequestError, match=r"100 tokens with an overlap of 20.*re-index"):
        client.vector_stores.files.create(store.id, file_id=file_id, chunking_strategy=other)
    batches = client.vector_stores.file_batches
    one: Any = {"file_id": file_id, "chunking_strategy": other}
    assert refusal(lambda: batches.create(store.id, files=[one])) == (400, "files[0].chunking_strategy")
    assert refusal(lambda: batches.create(store.id, file_ids=[file_id], chunking_strategy=other)) == (
        400,
        "chunking_strategy",
    )


def test_a_stranger_is_told_nothing(client: OpenAI, stranger: OpenAI, full: VectorStore) -> None:
    file_id = client.vector_stores.files.list(full.id, limit=1).data[0].id
    batch = client.vector_stores.file_batches.create(full.id, file_ids=[file_id]).id
    theirs = stranger.vector_stores.create().id
    files, batches = stranger.vector_stores.files, stranger.vector_stores.file_batches
    for store in (full.id, "full", theirs):
        for attempt in (files.retrieve, files.content, files.delete):
            assert refusal(lambda attempt=attempt, store=store: attempt(file_id, vector_store_id=store))[0] == 404
        for attempt in (batches.retrieve, batches.cancel, batches.list_files):
            assert refusal(lambda attempt=attempt, store=store: attempt(batch, vector_store_id=store))[0] == 404
        assert refusal(lambda store=store: files.update(file_id, vector_store_id=store, attributes={"a": 1}))[0] == 404
        assert refusal(lambda store=store: files.create(store, file_id=file_id))[0] == 404
        assert refusal(lambda store=store: batches.create(store, file_ids=[file_id]))[0] == 404
    assert refusal(lambda: stranger.vector_stores.create(file_ids=[file_id])) == (404, "file_ids")
    assert refusal(lambda: files.list(full.id)) == (404, None)
    assert not ids(files.list(theirs))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "file_id"),
        ({"file_id": 1}, "file_id"),
        ({"file_id": "a\0"}, "file_id"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"k": None}}, "attributes.k"),
        ({"attributes": {"k": {"a": 1}}}, "attributes.k"),
        ({"attributes": {"k": "x" * 100_000}}, "attributes.k"),
        ({"attributes": {"k" * 65: 1}}, None),
        ({"attributes": {"k": "a\0"}}, "attributes.k"),
        ({"attributes": {"a\0": 1}}, None),
        ({"attributes": {str(number): number for number in range(17)}}, "attributes"),
        ({"chunking_strategy": "auto"}, "chunking_strategy"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    client: OpenAI, full: VectorStore, body: dict[str, Any], param: str | None
) -> None:
    base = {"file_id": "file-1"} if body else {}
    status, named = refusal(
        lambda: client.post(f"/vector_stores/{full.id}/files", cast_to=object, body={**base, **body})
    )
    assert status == 400
    assert named == param or (param is None and named is not None and named.startswith("attributes"))


def test_a_batch_names_its_files_in_one_way(client: OpenAI, full: VectorStore) -> None:
    batches = client.vector_stores.file_batches
    assert refusal(lambda: batches.create(full.id)) == (400, "file_ids")
    assert refusal(lambda: batches.create(full.id, file_ids=[])) == (400, "file_ids")
    assert refusal(lambda: batches.create(full.id, file_ids=["a"], files=[{"file_id": "a"}])) == (400, "file_ids")
    assert refusal(lambda: batches.create(full.id, file_ids=["file-of-nobody"])) == (404, "file_ids")
    assert refusal(lambda: batches.create(full.id, files=[{"file_id": "file-of-nobody"}])) == (404, "files")


def test_one_trace_goes_from_the_request_to_the_index(client: OpenAI, spans: OtlpSink) -> None:
    store, file_id = client.vector_stores.create(), upload(client, "# Traced")
    raw = client.vector_stores.files.with_raw_response.create(store.id, file_id=file_id)
    trace = spans.wait_for(raw.headers["traceparent"].split("-")[1], lambda trace: trace.has(*HOPS), 30)
    found = [trace.one(name) for name in HOPS]
    assert found[0].parent_id == ""
    for above, below in pairwise(found):
        assert below.parent_id == above.span_id, f"«{below.name}» is not below «{above.name}»"
