"""What a store holds, as its owner sees it: how far each document is in the live version; and batches of files."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import PenstockError
from infra.index.documents import Documents, DocumentStatus, Submission
from infra.index.file_batches import FileBatches
from infra.index.paging import Paging
from infra.index.store_documents import StoreDocument, StoreDocuments
from infra.index.stores import Stores
from tests.support.index import OTHER, SPEC, STORE, TENANT, Index, document_chunks, make_store


@pytest.fixture
def held(index: Index) -> StoreDocuments:
    return StoreDocuments(index.engine)


def ids(documents: list[StoreDocument]) -> list[str]:
    return [each.id for each in documents]


async def test_a_document_is_as_far_as_the_live_version_has_it(index: Index, held: StoreDocuments):
    new = document_chunks("d", "text of it", "and more")
    await index.register(new, {"n": 1}, file_id="file-1")
    before = await held.find(TENANT, STORE, "d")
    assert (before.status, before.is_indexed, before.chunks, before.file_id) == ("in_progress", False, 0, "file-1")
    await index.write(new)
    done = await held.find(TENANT, STORE, "d")
    assert (done.status, done.is_indexed, done.chunks, done.attributes) == ("completed", True, 2, {"n": 1})
    assert done.usage_bytes > 0
    await index.register(document_chunks("d", "other text"))
    changed = await held.find(TENANT, STORE, "d")
    assert (changed.status, changed.is_indexed, changed.chunks) == ("in_progress", True, 2)
    assert await held.texts(TENANT, STORE, "d") == ["text of it", "and more"]


async def test_a_failure_has_its_reason(index: Index, held: StoreDocuments):
    bad = document_chunks("bad", "x")
    await index.register(bad)
    await index.documents.mark(index.version, "bad", bad.sha256, DocumentStatus.FAILED, error=("corrupt", "why"))
    found = await held.find(TENANT, STORE, "bad")
    assert (found.status, found.error_code, found.error_message) == ("failed", "corrupt", "why")


async def test_a_failure_is_known_before_there_is_a_version_until_it_is_submitted_again(
    engine: AsyncEngine, held: StoreDocuments
):
    await make_store(engine, TENANT, "unbuilt")
    documents, now = Documents(engine), datetime.now(UTC)

    async def submit(at: datetime) -> None:
        await documents.register(TENANT, "unbuilt", [Submission("d", "d.txt", {}, b"sha", at)])

    async def fail(at: datetime) -> tuple[str, str | None, str | None]:
        await documents.fail(TENANT, "unbuilt", "d", ("invalid_request", "no such model"), at=at)
        found = await held.find(TENANT, "unbuilt", "d")
        return found.status, found.error_code, found.error_message

    await submit(now)
    assert await fail(now) == ("failed", "invalid_request", "no such model")
    (holding,) = (await Stores(engine).holdings(TENANT, ["unbuilt"])).values()
    assert holding.documents == {"failed": 1}
    assert ids((await held.page(TENANT, "unbuilt", Paging(), DocumentStatus.FAILED))[0]) == ["d"]
    await submit(now + timedelta(seconds=1))
    assert (await held.find(TENANT, "unbuilt", "d")).status == "in_progress"
    assert await fail(now) == ("in_progress", None, None), "that was said of an earlier submission"


async def test_a_version_knows_better_than_what_was_said_before_there_was_one(
    engine: AsyncEngine, index: Index, held: StoreDocuments
):
    await make_store(engine, TENANT, "unbuilt")
    documents, now = Documents(engine), datetime.now(UTC)
    await documents.register(TENANT, "unbuilt", [Submission("d", "d.txt", {}, b"sha", now)])
    await documents.fail(TENANT, "unbuilt", "d", ("invalid_request", "no such model"), at=now)
    version = await index.versions.ensure_live(TENANT, "unbuilt", SPEC)
    await documents.mark(version, "d", b"sha", DocumentStatus.IN_PROGRESS)
    assert (await held.find(TENANT, "unbuilt", "d")).status == "in_progress"


async def test_another_version_says_nothing_of_it(index: Index, held: StoreDocuments):
    building = await index.versions.create(TENANT, STORE, SPEC)
    document = document_chunks("d", "text")
    await index.register(document)
    await index.write(document, version=building)
    assert (await held.find(TENANT, STORE, "d")).status == "in_progress"
    assert await held.texts(TENANT, STORE, "d") == []
    await index.versions.switch(TENANT, building.id)
    assert (await held.find(TENANT, STORE, "d")).status == "completed"
    assert await held.texts(TENANT, STORE, "d") == ["text"]


async def test_lists_go_by_time_and_by_id_and_by_status(index: Index, held: StoreDocuments):
    for name in ("c", "a", "b"):
        await index.register(document_chunks(name, name))
    await index.write(document_chunks("a", "a"))
    page, more = await held.page(TENANT, STORE, Paging(2, "asc"))
    assert (ids(page), more) == (["c", "a"], True)
    assert ids((await held.page(TENANT, STORE, Paging(), DocumentStatus.COMPLETED))[0]) == ["a"]
    assert ids(await held.by_id(TENANT, STORE, after="aa", limit=9)) == ["b", "c"]
    assert ids(await held.by_id(TENANT, STORE, limit=1, status=DocumentStatus.IN_PROGRESS)) == ["b"]


async def test_the_documents_of_a_file_are_found_in_every_store(index: Index, held: StoreDocuments):
    await index.register(document_chunks("a", "x"), file_id="file-1")
    await index.register(document_chunks("b", "x"), file_id="file-1")
    await index.register(document_chunks("c", "x"), file_id="file-2")
    assert {store: sorted(found) for store, found in (await held.of_file(TENANT, "file-1")).items()} == {
        STORE: ["a", "b"]
    }
    assert await held.of_file(OTHER, "file-1") == {}


async def test_nobody_sees_another_tenant_s(index: Index, other: Index, held: StoreDocuments):
    await index.add("secret", "the secret plan")
    batch = await FileBatches(index.engine).create(TENANT, STORE, ["secret"])
    assert await held.find_all(OTHER, STORE, ["secret"]) == {}
    assert await held.page(OTHER, STORE, Paging()) == ([], False)
    assert await held.by_id(OTHER, STORE, limit=9) == []
    assert await held.texts(OTHER, STORE, "secret") == []
    with pytest.raises(PenstockError, match="does not exist"):
        await held.find(OTHER, STORE, "secret")
    with pytest.raises(PenstockError, match="does not exist"):
        await FileBatches(index.engine).find(OTHER, STORE, batch.id)
    await FileBatches(index.engine).cancel(OTHER, batch.id)
    assert (await FileBatches(index.engine).find(TENANT, STORE, batch.id)).cancelled_at is None


async def test_a_batch_is_cancelled_once_and_goes_with_its_store(index: Index):
    batches = FileBatches(index.engine)
    made = await batches.create(TENANT, STORE, ["a", "b"])
    assert (made.document_ids, made.cancelled_at, made.store_id) == (("a", "b"), None, STORE)
    await batches.cancel(TENANT, made.id)
    cancelled = await batches.find(TENANT, STORE, made.id)
    assert cancelled.cancelled_at is not None
    await batches.cancel(TENANT, made.id)
    assert await batches.find(TENANT, STORE, made.id) == cancelled
    await index.versions.drop_store(TENANT, STORE)
    with pytest.raises(PenstockError, match="file batch"):
        await batches.find(TENANT, STORE, made.id)
