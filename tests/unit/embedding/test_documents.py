"""Between messages and the index: which texts are embedded, who counts them, and which rows come of it."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import orjson
import pytest
from prometheus_client import CollectorRegistry

from contracts.documents import DocumentChunked, DocumentEmbedded
from contracts.errors import ContractError
from infra.telemetry.metrics import EmbeddingMetrics
from infra.telemetry.tracing import Span
from ingestion.hashes import text_sha
from workers.embedding.asked import Asked, texts_of
from workers.indexing.rows import Item, rounds, rows_of

SPAN = cast("Span", None)


def body(document_id: str, *texts: str, **fields: Any) -> dict[str, Any]:
    return {
        "submission_id": "s",
        "store_id": "vs",
        "document_id": document_id,
        "version": 7,
        "model": "m",
        "revision": "1",
        "dimension": 2,
        "sha256": text_sha("content"),
        "chunks": [
            {"text": text, "sha256": text_sha(text), "start": 3, "end": 9, "heading": "A > B", "page": 2}
            for text in texts
        ],
        **fields,
    }


def asked(*texts: str) -> Asked:
    return Asked(DocumentChunked.model_validate(body("d", *texts)), SPAN)


def item(document_id: str, *texts: str, vectors: bytes | None = None) -> Item:
    rows = np.arange(2 * len(texts), dtype="<f2").tobytes() if vectors is None else vectors
    fields = {"embedded": 0, "reused": 0, **body(document_id, *texts)}
    # What base64 says is decoded where a message is read; here it is bytes already.
    document = DocumentEmbedded.model_construct(
        **{**DocumentChunked.model_validate(fields).__dict__, "vectors": rows, "embedded": 0, "reused": 0}
    )
    return Item(document, f"message-{document_id}", SPAN)


def test_each_text_is_asked_for_once_and_counted_by_the_first_that_has_it():
    one, two = asked("a", "b", "a"), asked("b", "c")
    texts = texts_of([one, two])
    assert list(texts.values()) == ["a", "b", "c"]
    vectors = {sha: np.full(2, number, np.float32) for number, sha in enumerate(texts)}
    new = {bytes.fromhex(text_sha(text)) for text in ("a", "b")}
    for each in (one, two):
        each.take(vectors, new)
    assert [(each.embedded, each.reused) for each in (one, two)] == [(2, 1), (0, 2)]
    assert np.frombuffer(one.rows, "<f2").reshape(3, 2)[:, 0].tolist() == [0, 1, 0]


def test_the_message_goes_on_with_its_vectors_and_with_fields_that_nobody_here_knows():
    one = asked("a")
    one.take({one.shas[0]: np.array([0.5, -2], np.float32)}, {one.shas[0]})
    sent = one.body(orjson.dumps({**body("d", "a"), "colour": "red"}))
    read = DocumentEmbedded.model_validate_json(sent)
    assert np.frombuffer(read.vectors, "<f2").tolist() == [0.5, -2]
    assert (read.embedded, read.reused, orjson.loads(sent)["colour"]) == (1, 0, "red")


def test_rows_have_the_chunks_with_their_places_and_words():
    (row,) = rows_of([item("d", "A cat, a dog", "two")])
    assert (row.document_id, row.message_id, row.sha256.hex()) == ("d", "message-d", text_sha("content"))
    first, second = row.chunks
    assert dict(first.terms) == {"a": 2, "cat": 1, "dog": 1}
    assert (first.start, first.end, first.heading, first.page) == (3, 9, "A > B", 2)
    assert [first.ordinal, second.ordinal] == [0, 1]
    assert row.embeddings.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("vectors", [b"", b"\0" * 7, b"\0" * 12])
def test_a_document_without_a_vector_for_each_chunk_is_no_contract(vectors: bytes):
    with pytest.raises(ContractError, match="bytes of vectors, where 8 were due"):
        item("d", "one", "two", vectors=vectors)


def test_no_document_is_written_twice_at_once_and_their_order_stays():
    items = [replace(item(document), message_id=str(place)) for place, document in enumerate("abacab")]
    assert ["".join(each.message_id for each in part) for part in rounds(items)] == ["013", "25", "4"]


def test_the_metric_tells_texts_that_were_embedded_from_those_that_were_not():
    registry = CollectorRegistry()
    metrics = EmbeddingMetrics(registry)
    for embedded, reused in ((2, 0), (1, 3)):
        metrics.count("wordllama", embedded=embedded, reused=reused)
    for outcome in ("embedded", "reused"):
        labels = {"model": "wordllama", "outcome": outcome}
        assert registry.get_sample_value("penstock_embedded_texts_total", labels) == 3
