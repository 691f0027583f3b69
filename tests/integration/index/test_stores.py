"""Vector stores: found by id or name, changed, counted, expired, deleted, and nobody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.index.documents import DocumentStatus, Submission
from infra.index.paging import Paging
from infra.index.stores import Holding, Store, Stores, StoreSettings
from tests.support.database import Database
from tests.support.index import OTHER, STORE, TENANT, Index, document_chunks, sha


@pytest.fixture
def stores(engine: AsyncEngine) -> Stores:
    return Stores(engine)


async def make(stores: Stores, name: str, tenant: str = TENANT, **fields: Any) -> Store:
    return await stores.create(tenant, **{"name": name, "metadata": {}, "settings": StoreSettings(), **fields})


async def refused(attempt: Any) -> ErrorCode:
    with pytest.raises(PenstockError) as raised:
        await attempt
    return raised.value.code


async def test_a_store_is_what_it_was_made_as(stores: Stores):
    fields = {
        "metadata": {"team": "'; DROP TABLE files; --"},
        "settings": StoreSettings("nomic", 100, 50, 3),
        "expires_after": {"anchor": "last_active_at", "days": 7},
        "confidential": True,
    }
    made = await make(stores, "docs", **fields)
    assert {name: getattr(made, name) for name in fields} == fields
    assert (made.tenant_id, made.name, made.live_version) == (TENANT, "docs", None)
    assert await stores.resolve(TENANT, made.id) == made


async def test_it_is_found_by_id_before_name_and_the_oldest_of_a_name_first(stores: Stores):
    first, second = await make(stores, "docs"), await make(stores, "docs")
    named_like_an_id = await make(stores, second.id)
    assert await stores.resolve(TENANT, "docs") == first
    assert await stores.resolve(TENANT, second.id) == second
    assert named_like_an_id.name == second.id
    assert await refused(stores.resolve(TENANT, "none")) == ErrorCode.NOT_FOUND


def test_settings_that_were_stored_before_a_field_was_there_have_its_default():
    assert StoreSettings.of({"chunk_tokens": 100, "of_tomorrow": 1}) == StoreSettings(chunk_tokens=100)
    assert StoreSettings.of(StoreSettings("m", 1, 2, 3).to_json()) == StoreSettings("m", 1, 2, 3)


async def test_a_change_leaves_the_rest_and_counts_as_a_use(stores: Stores):
    made = await make(stores, "docs", metadata={"a": "1"})
    changed = await stores.update(TENANT, made.id, {"name": "manual"})
    assert (changed.name, changed.metadata, changed.id) == ("manual", {"a": "1"}, made.id)
    assert changed.last_active_at > made.last_active_at
    assert (await stores.update(TENANT, made.id, {"metadata": {}, "confidential": True})).metadata == {}
    await stores.touch(TENANT, made.id)
    assert (await stores.resolve(TENANT, made.id)).last_active_at > changed.last_active_at
    assert await refused(stores.update(TENANT, "none", {"name": "x"})) == ErrorCode.NOT_FOUND


async def test_it_expires_when_it_has_not_been_used_for_long_enough(stores: Stores):
    made = await make(stores, "docs", expires_after={"anchor": "last_active_at", "days": 2})
    assert made.expires_at == made.last_active_at + timedelta(days=2)
    assert [made.is_expired(made.last_active_at + timedelta(days=days)) for days in (0, 1.9, 2)] == [False, False, True]
    assert not made.is_expired()
    assert not (await make(stores, "kept")).is_expired(made.last_active_at + timedelta(days=9999))


async def test_it_has_the_documents_that_were_registered_by_how_far_they_are(stores: Stores, index: Index):
    await index.add("done", "some text")
    await index.add("changed", "old")
    for document in (document_chunks("new", "x"), document_chunks("bad", "x"), document_chunks("changed", "newer")):
        await index.register(document)
    await index.documents.mark(index.version, "bad", document_chunks("bad", "x").sha256, DocumentStatus.FAILED)
    holdings = await stores.holdings(TENANT, [STORE, "none"])
    assert holdings[STORE].documents == {"completed": 1, "in_progress": 2, "failed": 1}
    assert holdings[STORE].usage_bytes > 0
    assert holdings["none"] == Holding()


async def test_before_there_is_an_index_all_of_its_documents_are_in_progress(stores: Stores, index: Index):
    made = await make(stores, "young")
    assert (await stores.holdings(TENANT, [made.id]))[made.id] == Holding()
    submission = Submission("d", "d.txt", {}, sha("text"), datetime.now(UTC))
    await index.documents.register(TENANT, made.id, [submission])
    assert (await stores.holdings(TENANT, [made.id]))[made.id] == Holding({"in_progress": 1}, 0)


async def test_a_list_goes_in_pages_and_by_name(stores: Stores):
    made = [await make(stores, name) for name in ("a", "b", "a")]
    page, more = await stores.list(TENANT, Paging(2))
    assert ([each.id for each in page], more) == ([made[2].id, made[1].id], True)
    assert [each.id for each in (await stores.list(TENANT, Paging(order="asc"), "a"))[0]] == [made[0].id, made[2].id]


async def test_a_deleted_store_takes_its_documents_and_tables_along(stores: Stores, index: Index, database: Database):
    await index.add("d", "text")
    await stores.delete(TENANT, STORE)
    assert await refused(stores.resolve(TENANT, STORE)) == ErrorCode.NOT_FOUND
    assert not await database.rows("SELECT 1 FROM documents UNION SELECT 1 FROM index_versions")
    assert not await database.rows("SELECT 1 FROM pg_class WHERE relname ~ '^chunks_[0-9]+$'")
    assert await refused(stores.delete(TENANT, STORE)) == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("value", ["\0", "\ud800"])
async def test_what_can_not_be_stored_is_refused(stores: Stores, value: str):
    for attempt in (make(stores, value), make(stores, "x", metadata={value: ""}), stores.resolve(TENANT, value)):
        assert await refused(attempt) == ErrorCode.INVALID_REQUEST


async def test_nobody_sees_or_touches_another_tenant_s(stores: Stores):
    made = await make(stores, "docs")
    assert await refused(stores.resolve(OTHER, made.id)) == ErrorCode.NOT_FOUND
    assert await refused(stores.resolve(OTHER, "docs")) == ErrorCode.NOT_FOUND
    assert await refused(stores.update(OTHER, made.id, {"name": "x"})) == ErrorCode.NOT_FOUND
    assert await refused(stores.delete(OTHER, made.id)) == ErrorCode.NOT_FOUND
    assert await stores.list(OTHER, Paging()) == ([], False)
    await stores.touch(OTHER, made.id)
    assert await stores.resolve(TENANT, made.id) == made
