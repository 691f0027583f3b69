"""What is submitted, as the index takes it in: many at once, in any order, as often as they come."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.index.documents import DocumentStatus
from infra.index.files import Files, NewFile, document_file_id
from infra.index.intake import Arrival, Given, TakenIn, take_in
from infra.index.stores import Stores, StoreSettings
from tests.support.database import Database
from tests.support.index import OTHER, SPEC, STORE, TENANT, Index, document_chunks, sha

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def submitted(document_id: str, text: str, at: datetime = NOON, store: str = STORE, **fields: Any) -> Arrival:
    given: dict[str, Any] = {"filename": f"{document_id}.txt", "media_type": None, "content": text.encode(), **fields}
    return Arrival(store, document_id, at, Given(sha(text), **given))


def deleted(document_id: str, at: datetime = NOON) -> Arrival:
    return Arrival(STORE, document_id, at)


async def taken(index: Index, *arrivals: Arrival, tenant: str = TENANT) -> list[TakenIn]:
    return await take_in(index.engine, tenant, arrivals)


async def content_of(index: Index, document_id: str) -> bytes | None:
    file_id = document_file_id(TENANT, STORE, document_id)
    found = (await Files(index.engine).contents(TENANT, [file_id])).get(file_id)
    return None if found is None else found.content


async def test_of_what_comes_together_the_newest_of_each_document_counts(index: Index):
    new, old, other, nowhere = await taken(
        index,
        submitted("a", "new", NOON + MINUTE),
        submitted("a", "old"),
        submitted("b", "other"),
        submitted("a", "text", store="nowhere"),
    )
    assert [each.superseded for each in (new, old, other)] == [False, True, False]
    assert nowhere == TakenIn(None)
    assert new.wanted is not None
    assert (new.wanted.sha256, [each.id for each in new.versions], new.held) == (sha("new"), [index.version.id], ())
    assert await content_of(index, "a") == b"new"


async def test_what_comes_again_leads_to_the_same(index: Index):
    arrivals = (submitted("a", "text"), submitted("b", "gone", NOON - MINUTE), deleted("b"))
    assert await taken(index, *arrivals) == await taken(index, *arrivals)
    await index.write(document_chunks("a", "text"))
    again, *_ = await taken(index, *arrivals)
    assert ([each.id for each in again.held], again.versions) == ([index.version.id], ())


async def test_a_submission_and_a_deletion_at_once_leave_what_the_newer_one_wants(index: Index, database: Database):
    for number in range(12):
        late = NOON + MINUTE
        goes, stays = f"goes-{number}", f"stays-{number}"
        await asyncio.gather(
            taken(index, submitted(goes, "text")),
            taken(index, deleted(goes, late), deleted(stays)),
            taken(index, submitted(stays, "text", late)),
        )
    assert {row["id"] for row in await database.rows("SELECT id FROM documents")} == {
        f"stays-{number}" for number in range(12)
    }
    assert await content_of(index, "goes-0") is None


async def test_batches_of_the_same_documents_in_other_orders_dont_stand_in_each_others_way(index: Index):
    arrivals = [submitted(f"d{number}", "text") for number in range(50)]
    batches = [taken(index, *order) for _ in range(4) for order in (arrivals, arrivals[::-1])]
    for batch in await asyncio.gather(*batches):
        assert not [each for each in batch if each.superseded]


async def test_a_store_is_found_by_its_id_or_else_by_the_name_that_it_had_first(index: Index):
    stores = Stores(index.engine)
    first, second = [
        await stores.create(TENANT, name=name, metadata={}, settings=StoreSettings()) for name in ("twice", "twice")
    ]
    impostor = await stores.create(TENANT, name=second.id, metadata={}, settings=StoreSettings())
    by_name, by_id = await taken(index, submitted("a", "text", store="twice"), submitted("a", "x", store=second.id))
    assert by_name.store is not None
    assert by_id.store is not None
    assert (by_name.store.id, by_id.store.id) == (first.id, second.id)
    assert by_id.store.id != impostor.id
    assert by_id.unbuilt


async def test_another_tenants_store_is_nowhere(index: Index, other: Index, database: Database):
    store = await Stores(index.engine).create(TENANT, name="own", metadata={}, settings=StoreSettings())
    stolen = [submitted("a", "text", store=named) for named in (store.id, "own")]
    assert await taken(index, *stolen, tenant=OTHER) == [TakenIn(None)] * 2
    await taken(index, submitted("a", "ours"))
    await taken(other, submitted("a", "theirs"), Arrival(STORE, "a", NOON + MINUTE), tenant=OTHER)
    assert await content_of(index, "a") == b"ours"


async def test_a_file_that_was_uploaded_stays_as_it_is_and_what_it_replaces_goes(index: Index):
    files = Files(index.engine)
    uploaded = NewFile("file-1", "one.txt", "assistants", "text/plain", b"uploaded")
    await files.put(TENANT, [uploaded])
    await taken(index, submitted("a", "inline"))
    by_file = submitted("a", "uploaded", NOON + MINUTE, file_id="file-1", filename="other.md")
    await taken(index, by_file)
    assert await content_of(index, "a") is None
    kept = (await files.contents(TENANT, ["file-1"]))["file-1"]
    assert (kept.filename, kept.media_type, kept.content) == ("one.txt", "text/plain", b"uploaded")
    await taken(index, deleted("a", NOON + 2 * MINUTE))
    assert await files.find(TENANT, "file-1")


async def test_content_that_another_document_was_submitted_by_stays_for_it(index: Index):
    await taken(index, submitted("a", "shared"))
    await taken(index, submitted("b", "shared", file_id=document_file_id(TENANT, STORE, "a")))
    await taken(index, deleted("a", NOON + MINUTE))
    assert await content_of(index, "a") == b"shared"


async def test_what_failed_begins_again_where_it_is_submitted_and_nowhere_else(index: Index, database: Database):
    building = await index.versions.create(TENANT, STORE, SPEC)
    await taken(index, submitted("a", "text"))
    failed = await index.documents.fail(TENANT, STORE, "a", ("corrupt", "the file is damaged"), at=NOON)
    assert failed == [index.version.id, building.id]
    statuses = "SELECT version_id AS id, status, error_code AS code FROM document_states ORDER BY id"
    (only,) = await taken(index, Arrival(STORE, "a", NOON, only_version=building.id))
    assert [version.id for version in only.versions] == [building.id]
    assert [row["status"] for row in await database.rows(statuses)] == ["failed", "in_progress"]
    await taken(index, submitted("a", "text"))
    assert [(row["status"], row["code"]) for row in await database.rows(statuses)] == [("in_progress", None)] * 2


async def test_only_what_is_wanted_and_not_there_yet_can_fail(index: Index, database: Database):
    await taken(index, submitted("a", "text"), submitted("b", "text", NOON + MINUTE))
    await index.write(document_chunks("a", "text"))
    for document_id in ("a", "b", "never was"):
        assert not await index.documents.fail(TENANT, STORE, document_id, ("corrupt", "damaged"), at=NOON)
    rows = await database.rows("SELECT document_id, status FROM document_states")
    assert rows == [{"document_id": "a", "status": DocumentStatus.COMPLETED}]


@pytest.mark.parametrize("document_id", ["nul\0", "half \ud800 pair"])
async def test_a_name_that_cant_be_stored_is_refused(index: Index, document_id: str):
    with pytest.raises(PenstockError) as raised:
        await taken(index, submitted(document_id, "text"))
    assert raised.value.code is ErrorCode.INVALID_REQUEST
