"""/v1/vector_stores as the openai SDK uses it: made, found by id or name, changed, listed, expired, deleted."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.documents import HOSTILE, refusal
from tests.e2e.running import Penstock


def post(client: OpenAI, path: str, **body: Any) -> Any:
    return client.post(path, cast_to=object, body=body)


def test_a_store_is_what_was_asked_for(client: OpenAI) -> None:
    store = client.vector_stores.create(
        name="manual",
        description="what it is for",
        metadata=HOSTILE,
        expires_after={"anchor": "last_active_at", "days": 7},
        chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}},
        extra_body={"confidential": True, "keep_versions": 3},
    )
    assert (store.object, store.name, store.status, store.usage_bytes) == ("vector_store", "manual", "completed", 0)
    assert store.metadata == HOSTILE
    assert store.file_counts.model_dump() == dict.fromkeys(store.file_counts.model_dump(), 0)
    assert store.last_active_at is not None
    assert store.expires_at == store.last_active_at + 7 * 86_400
    ours = store.model_dump()
    assert ours["chunking_strategy"]["static"] == {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    assert (ours["confidential"], ours["keep_versions"], ours["embedding_model"]) == (True, 3, "wordllama")
    assert ours["description"] == "what it is for"
    assert client.vector_stores.retrieve(store.id) == store


def test_nothing_need_be_said(client: OpenAI) -> None:
    store = client.vector_stores.create()
    assert (store.name, store.metadata, store.expires_after, store.expires_at) == ("", {}, None, None)
    auto = client.vector_stores.create(chunking_strategy={"type": "auto"}, metadata=None)
    assert auto.model_dump()["chunking_strategy"] == store.model_dump()["chunking_strategy"]


def test_it_is_found_by_its_name_too_the_oldest_first(client: OpenAI) -> None:
    first = client.vector_stores.create(name="by name")
    client.vector_stores.create(name="by name")
    assert client.vector_stores.retrieve("by name").id == first.id
    assert client.vector_stores.delete("by name").id == first.id


def test_a_change_leaves_the_rest(client: OpenAI) -> None:
    store = client.vector_stores.create(name="a", metadata={"k": "v"}, extra_body={"keep_versions": 2})
    changed = client.vector_stores.update(store.id, name="b", expires_after={"anchor": "last_active_at", "days": 1})
    assert (changed.name, changed.metadata, changed.id) == ("b", {"k": "v"}, store.id)
    assert changed.expires_after is not None
    assert changed.model_dump()["keep_versions"] == 2
    emptied = client.vector_stores.update(store.id, expires_after=None, metadata=None, name=None)
    assert (emptied.name, emptied.metadata, emptied.expires_after) == ("", {}, None)
    ours = post(client, f"/vector_stores/{store.id}", confidential=True, keep_versions=0, description="d")
    assert (ours["confidential"], ours["keep_versions"], ours["description"]) == (True, 0, "d")


def test_a_list_goes_in_pages(penstock: Penstock) -> None:
    with penstock.client(penstock.create_key("stores-in-pages")) as client:
        made = [client.vector_stores.create(name=f"s{number % 2}").id for number in range(5)]
        page = client.vector_stores.list(limit=2)
        assert ([each.id for each in page.data], page.has_more) == (made[:2:-1], True)
        assert [each.id for each in client.vector_stores.list(limit=2)] == made[::-1]
        before = client.vector_stores.list(limit=2, order="asc", before=made[3])
        assert [each.id for each in before.data] == made[1:3]
        named = client.vector_stores.list(extra_query={"name": "s1"})
        assert [each.id for each in named] == [made[3], made[1]]


def test_one_that_nobody_used_for_too_long_has_expired(penstock: Penstock, client: OpenAI) -> None:
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    penstock.sql("UPDATE vector_stores SET last_active_at = now() - interval '25 hours' WHERE id = %s", store.id)
    assert client.vector_stores.retrieve(store.id).status == "expired"
    assert client.vector_stores.update(store.id, name="used again").status == "completed"


def test_what_is_deleted_is_gone(client: OpenAI) -> None:
    store = client.vector_stores.create()
    gone = client.vector_stores.delete(store.id)
    assert (gone.id, gone.object, gone.deleted) == (store.id, "vector_store.deleted", True)
    for attempt in (client.vector_stores.retrieve, client.vector_stores.delete):
        assert refusal(lambda attempt=attempt: attempt(store.id)) == (404, None)


def test_a_stranger_is_told_nothing(client: OpenAI, stranger: OpenAI) -> None:
    store = client.vector_stores.create(name="secret plans")
    stores = stranger.vector_stores
    for attempt in (stores.retrieve, stores.delete, lambda asked: stores.update(asked, name="mine")):
        for asked in (store.id, "secret plans"):
            with pytest.raises(openai.NotFoundError) as theirs:
                attempt(asked)
            with pytest.raises(openai.NotFoundError) as nobodys:
                attempt("vs_nobodys")
            assert theirs.value.message.replace(asked, "") == nobodys.value.message.replace("vs_nobodys", "")
    assert store.id not in {each.id for each in stores.list()}
    assert refusal(lambda: stores.list(after=store.id)) == (400, "after")
    assert client.vector_stores.retrieve(store.id) == store


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": 5}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"metadata": {"k": "x" * 513}}, "metadata.k"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": "\0"}}, "metadata.k"),
        ({"metadata": "x" * 100_000}, "metadata"),
        ({"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days"),
        ({"expires_after": {"anchor": "last_active_at"}}, "expires_after.days"),
        ({"chunking_strategy": {"type": "magic"}}, "chunking_strategy.type"),
        ({"chunking_strategy": {"type": "static"}}, "chunking_strategy.static"),
        (
            {"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 99}}},
            "chunking_strategy.static.max_chunk_size_tokens",
        ),
        (
            {
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51},
                }
            },
            "chunking_strategy.static.chunk_overlap_tokens",
        ),
        ({"embedding_model": "gpt-of-nobody"}, "embedding_model"),
        ({"confidential": "yes"}, "confidential"),
        ({"keep_versions": -1}, "keep_versions"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_field_that_is_wrong_is_named(client: OpenAI, body: dict[str, Any], param: str) -> None:
    assert refusal(lambda: post(client, "/vector_stores", **body)) == (400, param)


@pytest.mark.parametrize(
    "path", ["%00", "%ED%A0%80", "a%00b", "'; DROP TABLE vector_stores; --", "x" * 5000, "..%2F.."]
)
def test_an_id_that_nobody_has_is_no_harm(client: OpenAI, path: str) -> None:
    assert refusal(lambda: client.get(f"/vector_stores/{path}", cast_to=object))[0] in (400, 404)


def test_a_key_needs_the_scope(penstock: Penstock) -> None:
    with penstock.client(penstock.create_key("default", "search")) as reader:
        assert isinstance(reader.vector_stores.list().data, list)
        with pytest.raises(openai.PermissionDeniedError, match="«documents»"):
            reader.vector_stores.create()
    with penstock.client(penstock.create_key("default", "inference")) as asker, pytest.raises(openai.APIStatusError):
        asker.vector_stores.list()
