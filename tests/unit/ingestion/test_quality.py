"""Retrieval quality of chunker, default model, BM25 and fusion on SciFact, computed directly."""

import numpy as np
import pytest

from ingestion.beir import read_corpus, read_evaluation_set
from ingestion.chunking import ChunkerSettings, chunk
from ingestion.embedding.wordllama import WordLlamaModel
from ingestion.evaluation import Quality
from ingestion.parsing import Kind, Parsed
from tests.support.direct_search import DirectIndex, Mode
from tests.support.shared_data import shared_data

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def quality() -> dict[Mode, Quality]:
    folder = shared_data("scifact")
    model = WordLlamaModel()
    chunks = [
        (document.id, one.text)
        for document in read_corpus(folder / "corpus.jsonl")
        for one in chunk(Parsed(document.content, Kind.TEXT), ChunkerSettings())
    ]
    parts = [chunks[begin : begin + 64] for begin in range(0, len(chunks), 64)]
    vectors = np.concatenate([model.embed_now([text for _, text in part]) for part in parts])
    index, judged = DirectIndex.of(chunks, vectors), read_evaluation_set(folder)
    asked = model.embed_now(list(judged.queries.values()))
    modes: tuple[Mode, ...] = ("vector", "text", "hybrid", "rrf")
    return {mode: index.quality(mode, judged.queries, asked, judged.judgements) for mode in modes}


def test_hybrid_search_is_better_than_either_of_its_parts(quality: dict[Mode, Quality]):
    assert quality["hybrid"].ndcg >= 0.67
    assert quality["hybrid"].ndcg > max(quality["vector"].ndcg, quality["text"].ndcg)
    assert quality["hybrid"].recall > max(quality["vector"].recall, quality["text"].recall)


def test_the_figures_are_those_that_the_defaults_were_chosen_by(quality: dict[Mode, Quality]):
    figures = {mode: round(found.ndcg, 3) for mode, found in quality.items()}
    assert figures == pytest.approx({"vector": 0.525, "text": 0.665, "hybrid": 0.678, "rrf": 0.629}, abs=0.002)
    assert {found.queries for found in quality.values()} == {300}
