"""/v1/vector_stores/{id}/documents: many documents in one request, under ids of their owner's choice."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from ingestion.hashes import submission_sha
from tests.e2e.documents import HOSTILE, refusal
from tests.e2e.running import Penstock
from tests.e2e.waiting import until


@pytest.fixture(scope="module")
def client(penstock: Penstock) -> Iterator[OpenAI]:
    with penstock.client() as client:
        yield client


@pytest.fixture
def store(client: OpenAI) -> str:
    return client.vector_stores.create().id


def post(client: OpenAI, store: str, path: str = "", **body: Any) -> Any:
    return client.post(f"/vector_stores/{store}/documents{path}", cast_to=object, body=body)


def submit(client: OpenAI, store: str, *documents: dict[str, Any], **fields: Any) -> dict[str, dict[str, Any]]:
    answer = post(client, store, documents=list(documents), **fields)
    assert answer["object"] == "list"
    assert [each["id"] for each in answer["data"]] == [each["id"] for each in documents]
    return {each["id"]: each for each in answer["data"]}


def listed(client: OpenAI, store: str, query: str = "") -> dict[str, dict[str, Any]]:
    answer: Any = client.get(f"/vector_stores/{store}/documents?{query}", cast_to=object)
    return {each["id"]: each for each in answer["data"]}


def settled(client: OpenAI, store: str) -> dict[str, dict[str, Any]]:
    """The store's documents, once none is in progress."""

    def done() -> dict[str, dict[str, Any]] | None:
        found = listed(client, store, "limit=1000")
        return None if any(each["status"] == "in_progress" for each in found.values()) else found

    return until(done, "the documents' end", 30)


def test_each_kind_of_content_is_accepted_and_listed_with_its_hash(client: OpenAI, store: str) -> None:
    uploaded = client.files.create(file=("up.txt", b"uploaded"), purpose="assistants").id
    accepted = submit(
        client,
        store,
        {"id": "guide/a.md", "filename": "a.md", "text": "# Title\n\nText.", "attributes": {"n": 1}},
        {"id": "b", "filename": "b.txt", "content": base64.b64encode(b"in base64").decode()},
        {"id": "c", "file_id": uploaded},
    )
    shas = {
        "guide/a.md": submission_sha("a.md", None, b"# Title\n\nText."),
        "b": submission_sha("b.txt", None, b"in base64"),
        "c": submission_sha("up.txt", "text/plain", b"uploaded"),
    }
    assert {key: each["sha256"] for key, each in accepted.items()} == shas
    found = listed(client, store)
    assert {key: each["sha256"] for key, each in found.items()} == shas
    assert (found["guide/a.md"]["filename"], found["guide/a.md"]["attributes"]) == ("a.md", {"n": 1})
    assert found["c"]["filename"] == "up.txt"
    assert client.vector_stores.files.retrieve("guide/a.md", vector_store_id=store).id == "guide/a.md"
    assert [each.purpose for each in client.files.list() if each.id == uploaded] == ["assistants"]


def test_what_is_held_already_goes_nowhere(client: OpenAI, store: str) -> None:
    documents = [{"id": f"d{n}", "filename": "d.txt", "text": f"text {n}"} for n in range(3)]
    submit(client, store, *documents, lane="interactive")
    settled(client, store)
    documents[1]["text"] = "another text"
    again = submit(client, store, *documents, lane="interactive")
    assert [each["status"] for each in again.values()] == ["completed", "in_progress", "completed"]
    assert {each["status"] for each in settled(client, store).values()} == {"completed"}
    content = client.vector_stores.files.content("d1", vector_store_id=store)
    assert [part.text for part in content] == ["another text"]


def test_a_thousand_are_taken_at_once(client: OpenAI, store: str) -> None:
    accepted = submit(client, store, *({"id": f"d{n:04}", "text": f"document number {n}"} for n in range(1000)))
    assert {each["status"] for each in accepted.values()} == {"in_progress"}
    counts = client.vector_stores.retrieve(store).file_counts
    assert counts.total == 1000
    until(lambda: client.vector_stores.retrieve(store).file_counts.completed == 1000, "all of them", 60)


def test_a_list_goes_by_id_from_wherever_it_is_asked(client: OpenAI, store: str) -> None:
    submit(client, store, *({"id": name, "text": name} for name in ("a", "b", "c/d", "e")))
    answer: Any = client.get(f"/vector_stores/{store}/documents?limit=2", cast_to=object)
    assert ([each["id"] for each in answer["data"]], answer["has_more"], answer["last_id"]) == (["a", "b"], True, "b")
    assert list(listed(client, store, "after=bb")) == ["c/d", "e"]
    assert list(listed(client, store, "after=c/d")) == ["e"]
    assert refusal(lambda: listed(client, store, "limit=1001")) == (400, "limit")
    assert refusal(lambda: listed(client, store, "filter=none")) == (400, "filter")


def test_what_is_deleted_is_gone_with_its_content(penstock: Penstock, client: OpenAI, store: str) -> None:
    submit(client, store, *({"id": name, "text": f"{store} {name}"} for name in ("a", "b")))
    assert post(client, store, "/delete", ids=["a", "never was"]) == {"deleted": 1}
    assert list(listed(client, store)) == ["b"]
    sha = hashlib.sha256(f"{store} a".encode()).digest()
    assert not penstock.sql("SELECT 1 FROM files WHERE sha256 = %s", sha)
    settled(client, store)
    assert list(listed(client, store)) == ["b"]


def test_what_has_failed_is_tried_again(penstock: Penstock, client: OpenAI, store: str) -> None:
    binary = base64.b64encode(b"\x89PNG\0\0").decode()
    submit(client, store, {"id": "bad", "filename": "p.png", "content": binary}, {"id": "good", "text": "text"})
    found = settled(client, store)
    assert (found["good"]["status"], found["bad"]["status"]) == ("completed", "failed")
    assert found["bad"]["last_error"]["code"] == "unsupported_type"
    assert list(listed(client, store, "filter=failed")) == ["bad"]
    assert post(client, store, "/retry", ids=["good", "never was"]) == {"retried": 0}
    assert post(client, store, "/retry") == {"retried": 1}
    assert settled(client, store)["bad"]["status"] == "failed"
    assert post(client, store, "/retry", ids=["bad"]) == {"retried": 1}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_ids_names_and_attributes_stay_what_they_are(client: OpenAI, store: str, text: str) -> None:
    submit(client, store, {"id": text, "filename": text, "text": text, "attributes": {"k": text, text[:64]: "v"}})
    (found,) = listed(client, store).values()
    assert (found["id"], found["filename"], found["attributes"]) == (text, text, {"k": text, text[:64]: "v"})
    assert post(client, store, "/delete", ids=[text]) == {"deleted": 1}


def test_a_stranger_is_told_nothing(client: OpenAI, stranger: OpenAI, store: str) -> None:
    submit(client, store, {"id": "secret", "text": "secret"})
    uploaded = client.files.create(file=("up.txt", b"uploaded"), purpose="assistants").id
    for attempt in (
        lambda: submit(stranger, store, {"id": "secret", "text": "mine"}),
        lambda: listed(stranger, store),
        lambda: post(stranger, store, "/delete", ids=["secret"]),
        lambda: post(stranger, store, "/retry"),
    ):
        assert refusal(attempt) == (404, None)
    theirs = stranger.vector_stores.create().id
    attempt = {"id": "x", "file_id": uploaded}
    assert refusal(lambda: submit(stranger, theirs, {"id": "a", "text": "a"}, attempt)) == (404, "documents[1].file_id")
    assert not listed(stranger, theirs)
    assert listed(client, store)["secret"]["sha256"] == submission_sha("", None, b"secret")


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"text": "no id"}, "documents[0].id"),
        ({"id": "", "text": "x"}, "documents[0].id"),
        ({"id": "x" * 513, "text": "x"}, "documents[0].id"),
        ({"id": "a\0", "text": "x"}, "documents[0].id"),
        ({"id": "a"}, "documents[0]"),
        ({"id": "a", "text": "x", "file_id": "f"}, "documents[0]"),
        ({"id": "a", "content": "not base64!"}, "documents[0].content"),
        ({"id": "a", "content": "é"}, "documents[0].content"),
        ({"id": "a", "text": 5}, "documents[0].text"),
        ({"id": "a", "text": "x", "attributes": {"k": []}}, "documents[0].attributes.k"),
        ({"id": "a", "text": "x", "filename": "x" * 1025}, "documents[0].filename"),
        ({"id": "a", "text": "x", "color": "red"}, "documents[0].color"),
    ],
)
def test_a_field_that_is_wrong_is_named(client: OpenAI, store: str, document: dict[str, Any], param: str) -> None:
    assert refusal(lambda: post(client, store, documents=[document])) == (400, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": [{"id": str(n), "text": ""} for n in range(1001)]}, "documents"),
        ({"documents": [{"id": "a", "text": "x"}], "lane": "fast"}, "lane"),
    ],
)
def test_a_request_that_is_none_is_told_so(client: OpenAI, store: str, body: dict[str, Any], param: str) -> None:
    assert refusal(lambda: post(client, store, **body)) == (400, param)


def test_a_body_that_is_too_large_is_refused(client: OpenAI, store: str) -> None:
    assert refusal(lambda: submit(client, store, {"id": "a", "text": "x" * 7_000_000}))[0] == 413
