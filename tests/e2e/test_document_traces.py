"""Documents and re-indexes: a trace each from what was asked for to the index, and links where work is shared."""

import os
import uuid
from typing import Any

import pytest
from openai import OpenAI

from contracts.registry import template_of
from infra.telemetry import names
from tests.e2e.otlp_sink import OtlpSink, SeenSpan, Trace
from tests.e2e.waiting import until

SUBMITTED, CHUNKED, EMBEDDED, REQUESTED = map(
    template_of, ("documents.submitted", "documents.chunked", "documents.embedded", "reindex.requested")
)
WAY = [
    (f"process {SUBMITTED}", "penstock-chunking"),
    (f"send {CHUNKED}", "penstock-chunking"),
    (f"process {CHUNKED}", "penstock-embedding"),
    (f"send {EMBEDDED}", "penstock-embedding"),
    (f"process {EMBEDDED}", "penstock-indexing"),
]
TEXTS = [f"# Gate {number}\n\nGate {number} is opened at {number} o'clock." for number in range(3)]


@pytest.fixture
def store(client: OpenAI) -> str:
    return client.vector_stores.create(name=f"traced {uuid.uuid4().hex}").id


def new_trace() -> tuple[str, dict[str, str]]:
    """Its id, and the header of a caller that has begun it."""
    trace_id = uuid.uuid4().hex
    return trace_id, {"traceparent": f"00-{trace_id}-{os.urandom(8).hex()}-01"}


def put(client: OpenAI, store: str, text: str) -> str:
    """The trace of putting a document into a store, once it is there."""
    trace_id, headers = new_trace()
    file = client.files.create(file=("gate.md", text.encode()), purpose="assistants")
    client.vector_stores.files.create(store, file_id=file.id, extra_headers=headers)

    def indexed() -> bool:
        return client.vector_stores.files.retrieve(file.id, vector_store_id=store).status == "completed"

    until(indexed, "an indexed document", 30)
    return trace_id


def assert_way(trace: Trace, above: SeenSpan) -> None:
    """From the submission to the index, each span below the one before."""
    for name, service in WAY:
        span = trace.one(name)
        assert (span.parent_id, span.service, span.error) == (above.span_id, service, None), name
        above = span


def assert_shared_work_is_linked(spans: OtlpSink, trace: Trace, job: str | None = None) -> None:
    """What is done for one document is below its span; what is done for several links to each, and each to it."""
    for name, work in ((f"process {CHUNKED}", "embed documents"), (f"process {EMBEDDED}", "write documents")):
        span = trace.one(name)
        alone = [each for each in trace.named(work) if each.parent_id == span.span_id]
        shared = [spans.wait_for(link, Trace.any).one(work) for link in span.links if link != job]
        assert len(alone) + len(shared) == 1
        for batch in shared:
            assert batch.attributes[names.BATCH_MESSAGES] > 1
            assert trace.spans[0].trace_id in batch.links


def at_its_end(trace: Trace) -> bool:
    return trace.has(*(name for name, _ in WAY))


def test_a_document_is_one_trace_from_the_request_to_the_index(client: OpenAI, spans: OtlpSink, store: str) -> None:
    trace = spans.wait_for(put(client, store, TEXTS[0]), at_its_end)
    (server,) = [span for span in trace.spans if span.kind == "SERVER"]
    sent = trace.one(f"send {SUBMITTED}")
    assert (server.name, sent.parent_id) == ("POST /v1/vector_stores/{store}/files", server.span_id)
    assert_way(trace, sent)
    assert_shared_work_is_linked(spans, trace)


def test_a_re_index_is_one_trace_and_one_for_each_of_its_documents(client: OpenAI, spans: OtlpSink, store: str) -> None:
    for text in TEXTS:
        put(client, store, text)
    trace_id, headers = new_trace()
    path, how = f"/vector_stores/{store}/reindex", {"headers": headers}
    job: Any = client.post(path, cast_to=object, body={"chunk_tokens": 128}, options=how)  # type: ignore[arg-type]
    until(lambda: _state(client, path, job["id"]) == "completed", "the end of a re-index", 60)

    ordered = spans.wait_for(trace_id, Trace.is_whole)
    (server,) = [span for span in ordered.spans if span.kind == "SERVER"]
    sent, taken = ordered.one(f"send {REQUESTED}"), ordered.one(f"process {REQUESTED}")
    assert (sent.parent_id, taken.parent_id) == (server.span_id, sent.span_id)
    assert taken.attributes[names.REQUEST_ID] == job["id"]

    begun = until(lambda: _all(spans.having(names.WITHIN, job["id"])), "a trace for each document")
    for first in begun:
        assert (first.parent_id, first.links) == ("", (trace_id,))
        trace = spans.wait_for(first.trace_id, at_its_end)
        assert_way(trace, first)
        assert_shared_work_is_linked(spans, trace, trace_id)


def _all(found: list[SeenSpan]) -> list[SeenSpan] | None:
    return found if len(found) == len(TEXTS) else None


def _state(client: OpenAI, path: str, job: str) -> str:
    found: Any = client.get(f"{path}/{job}", cast_to=object)
    return str(found["state"])
