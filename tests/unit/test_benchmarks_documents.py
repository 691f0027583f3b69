"""The large store's chunks and questions: what is measured against has to be right."""

import numpy as np
import pytest

from benchmarks.documents_corpus import TopicCorpus
from benchmarks.documents_load import Searched, SearchLoad
from benchmarks.documents_platform import Platform
from benchmarks.processes import BenchmarkError, free_ports
from ingestion.embedding.wordllama import WordLlamaModel


@pytest.fixture(scope="module")
def corpus() -> TopicCorpus:
    return TopicCorpus(400, seed=1)


def test_a_chunk_s_vector_is_that_of_its_text(corpus: TopicCorpus) -> None:
    _, documents = next(iter(corpus.batches(8)))
    model = WordLlamaModel()
    for document in documents:
        for chunk, vector in zip(document.chunks, document.embeddings, strict=True):
            row = corpus.vectors[corpus.row_of(document.document_id, chunk.ordinal)]
            assert np.array_equal(row, vector)
            assert np.allclose(model.embed_now([chunk.text])[0], vector, atol=1e-5)
    assert (documents[0].model, documents[0].revision) == (model.name, model.revision)


def test_a_question_lies_near_its_topic_and_far_from_others(corpus: TopicCorpus) -> None:
    for question in corpus.questions(20):
        similar = np.sort(corpus.vectors @ question.vector)[::-1]
        assert similar[:10].mean() > similar.mean() + 0.1


def test_a_search_that_is_not_answered_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(f"http://127.0.0.1:{free_ports(1)[0]}/v1", "key", "postgresql://", {})
    with platform.searcher("docs") as searcher, pytest.raises(BenchmarkError, match="was not answered"):
        searcher.search("question")


def test_a_load_counts_what_failed_and_what_found_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    load: SearchLoad

    class Answers:
        def __init__(self, *_: object) -> None:
            self.queries: list[str] = []

        def __enter__(self) -> "Answers":
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing to close."""

        def search(self, query: str) -> tuple[list[dict[str, str]], int]:
            self.queries.append(query)
            if len(self.queries) == 3:
                load._over.set()
            if query == "broken":
                raise BenchmarkError("a search was answered with 500")
            return ([] if query == "nothing" else [{}]), 1

    monkeypatch.setattr("benchmarks.documents_load.CALLERS", 1)
    monkeypatch.setattr("benchmarks.documents_load.RATE", 1000.0)
    monkeypatch.setattr(Platform, "searcher", lambda *_: Answers())
    load = SearchLoad(Platform("", "", "", {}), "docs", ["broken", "nothing", "something"])
    load.start()
    for caller in load._callers:
        caller.join(10)
    found: Searched = load.stop()
    assert (found.failed, found.empty, len(found.taken)) == (["a search was answered with 500"], 1, 2)
