"""Index versions, going back, and re-indexes over HTTP."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from contracts.reindex import ReindexRequested
from infra.access.scopes import BATCH, DOCUMENTS, SEARCH
from infra.database.engine import create_engine
from infra.index.jobs import ReindexJobs
from infra.settings import Settings
from tests.e2e.documents import refusal
from tests.e2e.running import Penstock
from tests.e2e.test_search_api import TEXTS, fill
from tests.e2e.waiting import until

TENANT = "reindexes"
ENDED = ("completed", "refused", "cancelled", "failed")


@pytest.fixture(scope="module")
def owner(penstock: Penstock) -> Iterator[OpenAI]:
    with penstock.client(penstock.create_key(TENANT)) as client:
        yield client


@pytest.fixture
def store(owner: OpenAI) -> str:
    return owner.vector_stores.create(name="docs").id


def get(client: OpenAI, store: str, path: str, **query: Any) -> Any:
    return client.get(f"/vector_stores/{store}/{path}", cast_to=object, options={"params": query})


def post(client: OpenAI, store: str, path: str, **body: Any) -> Any:
    return client.post(f"/vector_stores/{store}/{path}", cast_to=object, body=body)


def delete(client: OpenAI, store: str, path: str) -> Any:
    return client.delete(f"/vector_stores/{store}/{path}", cast_to=object)


def ended(client: OpenAI, store: str, job: str) -> Any:
    def look() -> Any:
        found = get(client, store, f"reindex/{job}")
        return found if found["state"] in ENDED else None

    return until(look, f"the end of {job}", 30)


def test_an_index_is_built_anew_and_goes_live(owner: OpenAI, store: str) -> None:
    assert get(owner, store, "versions") == {"object": "list", "data": []}
    ordered = post(owner, store, "reindex", chunk_tokens=128, chunk_overlap=16)
    assert (ordered["object"], ordered["store_id"], ordered["state"]) == ("reindex.job", store, "requested")
    done = ended(owner, store, ordered["id"])
    assert (done["state"], done["reason"], done["total"], done["eta_seconds"]) == ("completed", None, 0, None)
    (version,) = get(owner, store, "versions")["data"]
    assert (version["id"], version["state"], version["model"]) == (done["version"], "live", "wordllama")
    assert version["chunker"] == {"tokens": 128, "overlap": 16, "tokenizer": "cl100k_base"}
    settings = owner.vector_stores.retrieve(store).model_dump()["chunking_strategy"]["static"]
    assert settings == {"max_chunk_size_tokens": 128, "chunk_overlap_tokens": 16}
    assert [job["id"] for job in get(owner, store, "reindex")["data"]] == [ordered["id"]]


def test_a_store_goes_back_to_the_version_before_and_forth_again(owner: OpenAI, penstock: Penstock, store: str) -> None:
    first = asyncio.run(fill(penstock.database, TENANT, store, TEXTS))
    second = asyncio.run(fill(penstock.database, TENANT, store, TEXTS))
    (past, live) = get(owner, store, "versions")["data"]
    assert [(each["id"], each["state"]) for each in (past, live)] == [(first, "past"), (second, "live")]
    assert (live["chunks"], live["documents"], live["switched_at"] is None) == (3, {"completed": 3}, False)
    assert live["bytes"] > 0
    back = post(owner, store, "rollback")
    assert (back["id"], back["state"]) == (first, "live")
    assert get(owner, store, "reindex")["data"] == []
    assert post(owner, store, "rollback")["id"] == second


def test_a_version_that_is_not_live_can_be_deleted(owner: OpenAI, penstock: Penstock, store: str) -> None:
    first = asyncio.run(fill(penstock.database, TENANT, store, TEXTS))
    second = asyncio.run(fill(penstock.database, TENANT, store, TEXTS))
    assert refusal(lambda: delete(owner, store, f"versions/{second}"))[0] == 400
    assert delete(owner, store, f"versions/{first}")["deleted"] is True
    assert [each["id"] for each in get(owner, store, "versions")["data"]] == [second]
    dropped = get(owner, store, "versions", dropped="true")["data"]
    assert [(each["id"], each["state"]) for each in dropped] == [(first, "dropped"), (second, "live")]
    assert refusal(lambda: post(owner, store, "rollback"))[0] == 400


@pytest.mark.parametrize("named", ["0", "-1", "x", "9" * 30, "²"])
def test_a_version_that_is_not_there_can_not_be_deleted(owner: OpenAI, store: str, named: str) -> None:
    assert refusal(lambda: delete(owner, store, f"versions/{named}"))[0] == 404


def test_a_version_is_its_stores_alone(owner: OpenAI, penstock: Penstock, store: str) -> None:
    other = owner.vector_stores.create(name="other").id
    version = asyncio.run(fill(penstock.database, TENANT, other, TEXTS))
    assert refusal(lambda: delete(owner, store, f"versions/{version}"))[0] == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"embedding_model": "nobody"}, "embedding_model"),
        ({"chunk_tokens": 0}, "chunk_tokens"),
        ({"chunk_tokens": "many"}, "chunk_tokens"),
        ({"max_quality_loss": 2}, "max_quality_loss"),
        ({"evaluation_set": "a\0"}, "evaluation_set"),
        ({"speed": "fast"}, "speed"),
    ],
)
def test_what_can_not_be_asked_is_told_at_once(owner: OpenAI, store: str, body: dict[str, Any], param: str) -> None:
    assert refusal(lambda: post(owner, store, "reindex", **body)) == (400, param)
    assert get(owner, store, "reindex")["data"] == []


def test_chunks_overlap_by_half_at_most(owner: OpenAI, store: str) -> None:
    with pytest.raises(openai.BadRequestError, match="no more than half"):
        post(owner, store, "reindex", chunk_tokens=10, chunk_overlap=6)


def test_one_that_has_ended_can_not_be_told_anything(owner: OpenAI, store: str) -> None:
    job = post(owner, store, "reindex")["id"]
    ended(owner, store, job)
    for wish in ("pause", "resume", "cancel"):
        with pytest.raises(openai.BadRequestError, match="it is completed"):
            post(owner, store, f"reindex/{job}/{wish}")


async def leave_unsent(database: str, store: str) -> str:
    """What an API leaves that dies in the middle of an order: a row, of which no worker was told; its id."""
    engine = create_engine(Settings(database_url=database), pool_size=1)  # type: ignore[arg-type]
    request = ReindexRequested(job_id=f"rx_{uuid.uuid4().hex}", store=store)
    try:
        return (await ReindexJobs(engine).create(TENANT, store, request)).id
    finally:
        await engine.dispose()


@pytest.mark.parametrize(("wish", "state"), [("resume", "completed"), ("cancel", "cancelled")])
def test_one_whose_api_died_before_it_was_sent_goes_on_when_it_is_told_to(
    owner: OpenAI, penstock: Penstock, store: str, wish: str, state: str
) -> None:
    job = asyncio.run(leave_unsent(penstock.database, store))
    assert post(owner, store, f"reindex/{job}/{wish}")["id"] == job
    assert ended(owner, store, job)["state"] == state


def test_one_whose_api_died_before_it_was_sent_is_in_nobodys_way_for_long(
    owner: OpenAI, penstock: Penstock, store: str
) -> None:
    job = asyncio.run(leave_unsent(penstock.database, store))
    with pytest.raises(openai.BadRequestError, match=f"the re-index '{job}' of this vector store has not ended"):
        post(owner, store, "reindex")
    assert ended(owner, store, job)["state"] == "completed"
    assert ended(owner, store, post(owner, store, "reindex")["id"])["state"] == "completed"


@pytest.mark.parametrize(("wish", "state"), [("resume", "completed"), ("cancel", "cancelled")])
def test_one_that_is_paused_goes_on_when_it_is_told_to(
    owner: OpenAI, penstock: Penstock, store: str, wish: str, state: str
) -> None:
    job = asyncio.run(leave_unsent(penstock.database, store))
    post(owner, store, f"reindex/{job}/pause")
    until(lambda: get(owner, store, f"reindex/{job}")["state"] == "paused", "the pause", 30)
    assert refusal(lambda: post(owner, store, "reindex")) == (400, None)
    post(owner, store, f"reindex/{job}/{wish}")
    assert ended(owner, store, job)["state"] == state


def test_the_newest_are_listed_first(owner: OpenAI, store: str) -> None:
    jobs = []
    for _ in range(2):
        jobs.append(post(owner, store, "reindex")["id"])
        ended(owner, store, jobs[-1])
    page = get(owner, store, "reindex", limit=1)
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([jobs[1]], True)
    assert [each["id"] for each in get(owner, store, "reindex", after=page["last_id"])["data"]] == [jobs[0]]


def test_nobody_else_sees_or_touches_them(owner: OpenAI, stranger: OpenAI, penstock: Penstock, store: str) -> None:
    version = asyncio.run(fill(penstock.database, TENANT, store, TEXTS))
    job = post(owner, store, "reindex")["id"]
    own = stranger.vector_stores.create().id
    for attempt in (
        lambda: get(stranger, store, "versions"),
        lambda: delete(stranger, store, f"versions/{version}"),
        lambda: delete(stranger, own, f"versions/{version}"),
        lambda: post(stranger, store, "rollback"),
        lambda: post(stranger, store, "reindex"),
        lambda: get(stranger, store, "reindex"),
        lambda: get(stranger, own, f"reindex/{job}"),
        lambda: post(stranger, own, f"reindex/{job}/cancel"),
    ):
        assert refusal(attempt)[0] == 404


def test_reading_needs_one_scope_and_changing_the_other(owner: OpenAI, penstock: Penstock, store: str) -> None:
    with penstock.client(penstock.create_key(TENANT, SEARCH)) as searcher:
        assert get(searcher, store, "versions")["data"] == []
        for path in ("reindex", "rollback"):
            assert refusal(lambda path=path: post(searcher, store, path))[0] == 403
    with penstock.client(penstock.create_key(TENANT, DOCUMENTS, BATCH)) as writer:
        assert ended(writer, store, post(writer, store, "reindex")["id"])["state"] == "completed"
