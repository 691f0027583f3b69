"""Chunks get their vectors: kept ones again, others from the version's model; a provider holds up its own alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from contracts.documents import DocumentEmbedded
from infra.index.version import VersionSpec
from infra.index.versions import IndexVersions
from infra.simulator.embeddings import vector_of
from infra.streams import CHUNKED, EMBEDDED, REQUESTED
from ingestion.embedding import embedding_model
from tests.support.cut_documents import CutDocuments, chunked, gateway_spec, local_spec
from tests.support.database import Database
from tests.support.index import STORE
from tests.support.pipeline import TENANT, Pipeline
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

GATEWAY = ("validation", "cache", "routing", "provider", "ledger")


async def embedded(pipeline: Pipeline, *submissions: str, within: float = 10.0) -> Sequence[DocumentEmbedded]:
    """What was published of submissions, in their order."""

    async def all_there() -> dict[str, DocumentEmbedded] | None:
        messages = await pipeline.stored(EMBEDDED)
        found = {message.request_id or "": DocumentEmbedded.model_validate_json(message.body) for message in messages}
        return found if set(submissions) <= found.keys() else None

    found = await eventually(all_there, within=within, what="documents were not embedded")
    return [found[submission] for submission in submissions]


def vectors(document: DocumentEmbedded) -> Any:
    return np.frombuffer(document.vectors, "<f2").reshape(len(document.chunks), document.dimension)


async def test_each_chunk_gets_the_vector_of_its_text_and_only_new_texts_are_embedded(
    flow: CutDocuments, workers: StartWorkers
):
    version = await flow.version(local_spec())
    async with workers("embedding"):
        first = await flow.submit(version, "a", "one fish", "two fish", "one fish")
        (one,) = await embedded(flow.pipeline, first)
        second = await flow.submit(version, "b", "two fish", "red fish")
        (two,) = await embedded(flow.pipeline, second)
    assert ((one.embedded, one.reused), (two.embedded, two.reused)) == ((2, 1), (1, 1))
    directly = await embedding_model("wordllama").embed(["one fish", "two fish", "one fish", "two fish", "red fish"])
    assert np.allclose(np.concatenate([vectors(one), vectors(two)]), directly, atol=1e-3)


async def test_another_version_of_the_same_model_embeds_nothing_again(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(local_spec())
    after = await IndexVersions(flow.engine).create(TENANT, STORE, local_spec())
    async with workers("embedding"):
        await embedded(flow.pipeline, await flow.submit(version, "a", "one fish"))
        (again,) = await embedded(flow.pipeline, await flow.submit(after, "a", "one fish"))
    assert (again.embedded, again.reused, again.version) == (0, 1, after.id)


async def test_another_tenant_has_no_use_of_a_tenants_vectors(flow: CutDocuments, workers: StartWorkers):
    ours, theirs = [await flow.version(local_spec(), tenant=tenant) for tenant in ("acme", "evil")]
    async with workers("embedding"):
        await embedded(flow.pipeline, await flow.submit(ours, "a", "one fish"))
        (other,) = await embedded(flow.pipeline, await flow.submit(theirs, "a", "one fish"))
    assert (other.embedded, other.reused) == (1, 0)


async def test_a_document_without_chunks_goes_on_without_vectors(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(local_spec())
    async with workers("embedding"):
        (empty,) = await embedded(flow.pipeline, await flow.submit(version, "empty"))
    assert (empty.vectors, empty.chunks, empty.embedded) == (b"", (), 0)


async def test_a_model_of_the_catalogue_is_asked_through_the_gateway_which_the_ledger_shows(
    flow: CutDocuments, workers: StartWorkers, database: Database
):
    version = await flow.version(gateway_spec())
    async with workers("embedding", *GATEWAY):
        submissions = [await flow.submit(version, f"d{number}", f"text {number}", "the same") for number in range(8)]
        documents = await embedded(flow.pipeline, *submissions)
        rows = await eventually(lambda: database.rows("SELECT tenant_id, model, status, input_tokens FROM usage"))
    for number, document in enumerate(documents):
        expected = [vector_of("sim-embedding", text, 1536) for text in (f"text {number}", "the same")]
        assert np.allclose(vectors(document), expected, atol=1e-3)
    assert sum(document.embedded for document in documents) == 9
    assert {(row["tenant_id"], row["model"], row["status"]) for row in rows} == {(TENANT, "sim-embedding", "completed")}


async def test_a_provider_at_its_rate_limit_holds_up_its_own_documents_and_loses_none(
    flow: CutDocuments, workers: StartWorkers, simulator: Simulator
):
    spec = gateway_spec("sim-embedding-error-429@times=6,retry=0.2")
    limited, local = await flow.version(spec), await flow.version(local_spec(), store="vs_local")
    async with workers("embedding", *GATEWAY):
        waiting = [await flow.submit(limited, f"d{number}", f"text {number}") for number in range(20)]
        await eventually(lambda: simulator.stats()["by_idempotency_key"])
        others = [await flow.submit(local, f"d{number}", f"text {number}") for number in range(20)]
        assert len(await embedded(flow.pipeline, *others)) == 20
        documents = await embedded(flow.pipeline, *waiting, within=30)
    assert sum(document.embedded for document in documents) == 20


async def test_a_text_that_the_model_refuses_fails_its_document_alone(
    flow: CutDocuments, workers: StartWorkers, database: Database
):
    version = await flow.version(gateway_spec())
    async with workers("embedding", *GATEWAY):
        good = await flow.submit(version, "good", "short")
        bad = await flow.submit(version, "bad", "word " * 9000)
        await embedded(flow.pipeline, good)
        end = await flow.ended(bad)
    assert (end["event"], end["version"], end["error"]["code"]) == ("failed", version.id, "context_length_exceeded")
    (state,) = await database.rows("SELECT document_id, status, error_code, error_message FROM document_states")
    assert (state["document_id"], state["status"], state["error_code"]) == ("bad", "failed", "context_length_exceeded")
    assert "maximum context length" in state["error_message"]
    assert await flow.pipeline.dead_letters() == []


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (gateway_spec("gone-from-the-catalogue"), "neither built in nor in the catalogue"),
        (VersionSpec("wordllama", "of old", 256, {}), "re-index it"),
        (VersionSpec("sim-embedding", gateway_spec().revision, 7, {}), "vectors of 1536"),
    ],
    ids=["gone", "another-revision", "another-length"],
)
async def test_a_model_that_is_not_what_the_version_was_made_with_is_the_documents_failure(
    flow: CutDocuments, workers: StartWorkers, spec: VersionSpec, reason: str
):
    version = await flow.version(spec)
    async with workers("embedding", *GATEWAY):
        end = await flow.ended(await flow.submit(version, "a", "one"))
    assert (end["event"], end["error"]["code"]) == ("failed", "invalid_request")
    assert reason in end["error"]["message"]


async def test_content_that_is_no_longer_wanted_does_not_fail(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(gateway_spec("gone-from-the-catalogue"))
    old = await flow.submit(version, "a", "old words")
    await flow.register(version, "a", "new words")
    async with workers("embedding"):
        end = await flow.ended(old)
    assert (end["event"], end["superseded"]) == ("indexed", True)


@pytest.mark.parametrize("model", ["sim-embedding-error-429@times=3,retry=30", "sim-embedding-slow@latency=30000"])
async def test_a_worker_that_stops_hands_back_what_waits_for_a_provider_at_once(
    flow: CutDocuments, workers: StartWorkers, simulator: Simulator, model: str
):
    await flow.pipeline.configure(drain_timeout=60)
    version = await flow.version(gateway_spec(model))
    async with workers("embedding") as running:
        await flow.pipeline.configure(drain_timeout=1)
        async with workers(*GATEWAY):
            await flow.submit(version, "a", "one")
            await eventually(lambda: simulator.stats()["by_idempotency_key"], within=10)
            async with asyncio.timeout(20):
                await running.stop()
            assert await flow.pipeline.held(CHUNKED) == 1


async def test_what_was_handed_back_is_embedded_by_the_next(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(gateway_spec())
    submission = await flow.submit(version, "a", "one")
    async with workers("embedding"):
        await eventually(lambda: flow.pipeline.held(REQUESTED))
    async with workers("embedding", *GATEWAY):
        (document,) = await embedded(flow.pipeline, submission, within=20)
    assert document.embedded == 1


async def test_what_is_no_chunked_document_is_a_dead_letter(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(local_spec())
    await flow.register(version, "a", "one")
    body = chunked(version, "bad", "a", "one")
    await flow.publish(version, {**body, "chunks": "none"})
    async with workers("embedding"):
        (letter,) = await eventually(flow.pipeline.dead_letters)
    assert "chunks" in letter.reason
    assert await flow.ends("bad") == []
