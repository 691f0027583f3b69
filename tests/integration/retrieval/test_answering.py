"""The retrieval worker as others ask it: over core NATS, one answer to each request, whatever it is."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import text as sql

from contracts import envelope, subjects
from contracts.errors import ErrorCode
from infra.index.transaction import tenant_transaction
from infra.index.version import VersionSpec
from infra.index.versions import IndexVersions
from infra.telemetry import names
from ingestion.embedding import embedding_model
from tests.support.index import STORE, TENANT, Index, document_chunks
from tests.support.pipeline import Pipeline
from tests.support.spans import SpanCollector
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers
from workers.retrieval.search import Search

TEXTS = ("Cats sleep most of the day.", "A penstock leads water to the turbines.")


@pytest.fixture
async def served(index: Index) -> Index:
    """An index by the model that comes with Penstock."""
    model = embedding_model("wordllama")
    spec = VersionSpec(model=model.name, revision=model.revision, dimension=model.dimension, chunker={"tokens": 512})
    version = await IndexVersions(index.engine).create(TENANT, STORE, spec)
    for number, text in enumerate(TEXTS):
        document = document_chunks(
            f"d{number}", text, model=model.name, revision=model.revision, embeddings=await model.embed([text])
        )
        await index.register(document)
        await index.write(document, version=version)
    await IndexVersions(index.engine).switch(TENANT, version.id)
    return index


async def ask(pipeline: Pipeline, subject: str, body: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = await pipeline.client.request(subject, data, timeout=20, headers=headers)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def search(pipeline: Pipeline, query: str = "sleeping cats", **fields: Any) -> dict[str, Any]:
    body = {"store": STORE, "queries": [query], **fields}
    return await ask(pipeline, subjects.retrieval_requested(TENANT), body)


async def test_a_search_is_answered(served: Index, pipeline: Pipeline, workers: StartWorkers):
    async with workers("retrieval"):
        answer = await search(pipeline)
        assert answer["error"] is None
        assert [hit["text"] for hit in answer["hits"]] == list(TEXTS)


WRONG: tuple[Any, ...] = (b"", b"[]", b"{}", b"\xff", {"store": STORE, "queries": []}, {"store": STORE, "limit": 51})


async def test_what_is_no_request_is_told_so(pipeline: Pipeline, workers: StartWorkers):
    async with workers("retrieval"):
        for body in WRONG:
            answer = await ask(pipeline, subjects.retrieval_requested(TENANT), body)
            assert answer["error"]["code"] == ErrorCode.INVALID_REQUEST, body
        answer = await ask(pipeline, subjects.evaluation_requested(TENANT), {"store": STORE, "modes": ["magic"]})
        assert answer["error"]["code"] == ErrorCode.INVALID_REQUEST


async def test_a_bug_is_an_answer_too(served: Index, pipeline: Pipeline, workers: StartWorkers):
    async with workers("retrieval"):
        assert (await search(pipeline))["hits"]
        with mock.patch.object(Search, "_resolved", side_effect=ZeroDivisionError):
            assert (await search(pipeline))["error"]["code"] == ErrorCode.INTERNAL_ERROR
        assert (await search(pipeline))["hits"]


async def test_what_is_in_hand_is_answered_before_the_worker_stops(
    served: Index, pipeline: Pipeline, workers: StartWorkers
):
    begun, go_on = asyncio.Event(), asyncio.Event()
    resolved = Search._resolved

    async def slowly(*arguments: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await resolved(*arguments)

    async with workers("retrieval") as running:
        with mock.patch.object(Search, "_resolved", slowly):
            asked = asyncio.create_task(search(pipeline))
            await begun.wait()
            stopping = asyncio.create_task(running.stop())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(stopping), 0.1)
            go_on.set()
            assert (await asked)["hits"]
            await stopping


async def test_two_workers_share_the_searches_and_each_is_answered_once(
    served: Index, pipeline: Pipeline, workers: StartWorkers
):
    async with workers("retrieval"), workers("retrieval"):
        answers = await asyncio.gather(*(search(pipeline, f"cats {number}") for number in range(40)))
    assert all(len(answer["hits"]) == len(TEXTS) for answer in answers)


async def test_an_evaluation_is_answered(served: Index, pipeline: Pipeline, workers: StartWorkers):
    async with workers("retrieval"):
        answer = await ask(pipeline, subjects.evaluation_requested(TENANT), {"store": STORE, "read_back": 10})
        assert answer["error"] is None
        # The version before, of a model that is nowhere, can't be read back.
        assert [(each["sampled"], each["found"]) for each in answer["read_back"]] == [(2, 2)]


async def test_a_search_is_a_trace(
    served: Index, span_collector: SpanCollector, pipeline: Pipeline, workers: StartWorkers
):
    caller = f"00-{'a' * 32}-{'b' * 16}-01"
    headers = {envelope.TRACEPARENT: caller, envelope.REQUEST_ID: "r-1"}
    async with workers("retrieval"):
        body = {"store": STORE, "queries": ["cats"]}
        answer = await ask(pipeline, subjects.retrieval_requested(TENANT), body, headers)
        process = await span_collector.one("process penstock.v1.retrieval.requested.{tenant}")
        embed = await span_collector.one(names.EMBED_SPAN)
        found = await span_collector.one(names.SEARCH_SPAN)
    assert (process.trace_id, process.parent, process.kind) == ("a" * 32, "b" * 16, "CONSUMER")
    assert process.attributes[names.REQUEST_ID] == "r-1"
    assert embed.parent == found.parent == process.span_id
    assert found.attributes[names.RETRIEVAL_MODE] == "hybrid"
    assert found.attributes[names.RETRIEVAL_HITS] == len(answer["hits"])
    assert found.attributes[names.INDEX_VERSION] == answer["version"]
    assert found.attributes[names.STORE] == STORE


async def test_how_close_a_text_is_to_confidential_stores_is_answered(
    served: Index, pipeline: Pipeline, workers: StartWorkers
):
    async def closeness(*texts: str, tenant: str = TENANT) -> dict[str, Any]:
        return await ask(pipeline, subjects.closeness_requested(tenant), {"texts": texts})

    async with workers("retrieval"):
        # What is not confidential is close to nothing.
        assert (await closeness(TEXTS[0]))["closest"] is None
        async with tenant_transaction(served.engine, TENANT) as connection:
            await connection.execute(sql("UPDATE vector_stores SET confidential = true"))
        found = await eventually(lambda: _known(closeness(TEXTS[0])), within=10)
        assert (found["store_id"], found["closest"]) == (STORE, pytest.approx(1, abs=0.01))
        assert (await closeness("Quarterly dividends of banks."))["closest"] < 0.5
        assert (await closeness("Quarterly dividends.", TEXTS[1]))["closest"] == pytest.approx(1, abs=0.01)
        # A store of another tenant's tells nothing.
        assert (await closeness(TEXTS[0], tenant="somebody"))["closest"] is None
        assert (await closeness())["error"]["code"] == ErrorCode.INVALID_REQUEST


async def _known(asked: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
    answer = await asked
    return answer if answer["closest"] is not None else None
