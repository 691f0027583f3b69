"""Documents with vectors get into their index version: many at once, each once, and none that came too late."""

import asyncio
from base64 import b64encode

import numpy as np
import pytest

from contracts.subjects import Lane
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Handler
from infra.index.documents import Documents
from infra.index.search import Searcher
from infra.index.versions import IndexVersions
from infra.streams import EMBEDDED
from tests.support.cut_documents import CutDocuments, embedded, local_spec
from tests.support.database import Database
from tests.support.index import SPEC, STORE, embed
from tests.support.pipeline import TENANT
from tests.support.spans import SpanCollector
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers, intercepted


@pytest.fixture(autouse=True)
async def brisk(flow: CutDocuments) -> None:
    """A batch that waits long enough to have company, and not longer than a test likes."""
    await flow.pipeline.configure(index_linger=0.2)


async def found(flow: CutDocuments, text: str) -> list[str]:
    """What a search in the live version finds for the vector of a text, the best first."""
    async with Searcher(flow.engine).live(TENANT, STORE) as search:
        hits = await search.search_vectors(embed(text), 10)
        return [each.document_id for each in await search.fetch(hits.ids.tolist())]


async def test_from_chunks_to_an_index_in_both_lanes(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(local_spec())
    async with workers("embedding", "indexing"):
        ends = [await flow.ended(await flow.submit(version, f"d-{lane}", "one", "two", lane=lane)) for lane in Lane]
    assert [(end["event"], end["version"], end["chunks"]) for end in ends] == [("indexed", version.id, 2)] * 2
    assert [(end["embedded"], end["reused"]) for end in ends] == [(2, 0), (0, 2)]
    assert (await flow.held(version)).chunks == 4


async def test_documents_that_come_together_are_written_together_and_their_spans_are_linked(
    flow: CutDocuments, workers: StartWorkers, span_collector: SpanCollector, database: Database
):
    version = await flow.version(SPEC)
    submissions = [await flow.submit_embedded(version, f"d{number}", f"text {number}") for number in range(40)]
    async with workers("indexing"):
        for submission in submissions:
            assert (await flow.ended(submission))["event"] == "indexed"
    assert (await flow.held(version)).chunks == 40
    segments = await database.rows("SELECT chunks FROM index_segments")
    assert sum(row["chunks"] for row in segments) == 40
    assert len(segments) < 10
    writes = span_collector.named("write documents")
    processes = span_collector.named("process penstock.v1.documents.embedded.{lane}.{tenant}")
    linked = {link for write in writes for link in write.links}
    assert linked == {(span.trace_id, span.span_id) for span in processes}
    assert {link for span in processes for link in span.links} == {(span.trace_id, span.span_id) for span in writes}
    assert sum(span.attributes["penstock.chunks"] for span in writes) == 40


async def test_a_message_that_was_written_before_its_worker_died_is_written_once_and_told_as_ever(
    flow: CutDocuments, workers: StartWorkers
):
    version = await flow.version(SPEC)
    deliveries: list[str] = []

    async def dies_once(job: Job, handler: Handler) -> Outcome:
        outcome = await handler(job)
        deliveries.append(outcome.label)
        if len(deliveries) == 1:
            raise ConnectionError("as good as killed")
        return outcome

    with intercepted("indexing", "documents.embedded", dies_once):
        async with workers("indexing"):
            end = await flow.ended(await flow.submit_embedded(version, "a", "one", "two"))
    assert deliveries == ["indexed", "indexed"]
    assert (end["chunks"], (await flow.held(version)).chunks) == (2, 2)


async def test_the_newest_of_two_submissions_counts_also_within_one_batch(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(SPEC)
    old = await flow.submit_embedded(version, "a", "old words")
    new = await flow.submit_embedded(version, "a", "new words")
    again = await flow.submit_embedded(version, "a", "new words")
    async with workers("indexing"):
        ends = [await flow.ended(submission) for submission in (old, new, again)]
    assert [end["superseded"] for end in ends] == [True, False, False]
    assert await found(flow, "new words") == ["a"]
    assert (await flow.held(version)).chunks == 1


async def test_a_document_that_was_deleted_meanwhile_is_superseded(flow: CutDocuments, workers: StartWorkers):
    version = await flow.version(SPEC)
    submission = await flow.submit_embedded(version, "a", "old words")
    await Documents(flow.engine).delete(TENANT, STORE, ["a"])
    async with workers("indexing"):
        assert (await flow.ended(submission))["superseded"]
    assert (await flow.held(version)).chunks == 0


async def test_documents_of_a_version_that_was_dropped_are_done_with(flow: CutDocuments, workers: StartWorkers):
    versions = IndexVersions(flow.engine)
    await flow.version(SPEC)
    dropped = await versions.create(TENANT, STORE, SPEC)
    submissions = [await flow.submit_embedded(dropped, "a", "one")]
    async with workers("indexing"):
        await flow.ended(submissions[0])
        await versions.drop(TENANT, dropped.id)
        submissions += [await flow.submit_embedded(dropped, document, "one") for document in "bc"]
        ends = [await flow.ended(submission) for submission in submissions]
    assert [end["superseded"] for end in ends] == [False, True, True]
    assert await flow.pipeline.held(EMBEDDED) == 0
    assert await flow.pipeline.dead_letters() == []


async def test_a_document_that_the_index_cannot_hold_fails_alone(
    flow: CutDocuments, workers: StartWorkers, database: Database
):
    version = await flow.version(SPEC)
    infinite = b64encode(np.full(SPEC.dimension, np.inf, "<f2").tobytes()).decode()
    bad = await flow.submit_embedded(version, "bad", "one", vectors=infinite)
    good = [await flow.submit_embedded(version, f"good{number}", "one") for number in range(5)]
    async with workers("indexing"):
        assert [(await flow.ended(submission))["event"] for submission in good] == ["indexed"] * 5
        end = await flow.ended(bad)
    assert (end["event"], end["error"]["code"]) == ("failed", "invalid_request")
    (state,) = await database.rows("SELECT * FROM document_states WHERE document_id = 'bad'")
    assert (state["status"], state["error_message"]) == ("failed", "the document 'bad' has a vector that is not finite")


async def test_a_message_without_a_vector_for_each_chunk_is_a_dead_letter_and_a_failed_document(
    flow: CutDocuments, workers: StartWorkers, database: Database
):
    version = await flow.version(SPEC)
    short = await flow.submit_embedded(version, "short", "one", vectors="AAAA")
    async with workers("indexing"):
        end = await flow.ended(short)
        (letter,) = await eventually(flow.pipeline.dead_letters)
    assert (end["event"], letter.reason) == ("failed", "3 bytes of vectors, where 32 were due")
    (state,) = await database.rows("SELECT status FROM document_states")
    assert state["status"] == "failed"


async def test_a_document_of_another_tenants_version_is_not_written(flow: CutDocuments, workers: StartWorkers):
    theirs = await flow.version(SPEC, tenant="evil")
    ours = await flow.version(SPEC)
    await flow.register(ours, "a", "one")
    await flow.publish_embedded(ours, {**embedded(ours, "sneaky", "a", "one"), "version": theirs.id})
    async with workers("indexing"):
        assert (await flow.ended("sneaky"))["superseded"]
    assert (await flow.held(theirs)).chunks == 0


async def test_documents_of_several_versions_go_each_into_its_own(flow: CutDocuments, workers: StartWorkers):
    live = await flow.version(SPEC)
    after = await IndexVersions(flow.engine).create(TENANT, STORE, SPEC)
    ids = [f"d{number}" for number in range(10)]
    submissions = [await flow.submit_embedded(version, each, each) for each in ids for version in (live, after)]
    async with workers("indexing"):
        await asyncio.gather(*(flow.ended(submission) for submission in submissions))
    assert [(await flow.held(version)).chunks for version in (live, after)] == [10, 10]
