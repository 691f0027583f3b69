"""SciFact as the default chunker and the default model make an index of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ingestion.beir import EvaluationSet, read_corpus, read_evaluation_set
from ingestion.chunking import Chunk, ChunkerSettings, chunk
from ingestion.embedding import Vectors
from ingestion.embedding.wordllama import WordLlamaModel
from ingestion.evaluation import Quality
from ingestion.parsing import Kind, Parsed
from tests.support.direct_search import DirectIndex, Mode
from tests.support.shared_data import shared_data

DIRECT_NDCG: dict[Mode, float] = {"vector": 0.525, "text": 0.665, "hybrid": 0.678, "rrf": 0.629}
"""nDCG@10 computed directly, which a test of its own does again."""
MODES: tuple[Mode, ...] = tuple(DIRECT_NDCG)


@dataclass(frozen=True)
class SciFact:
    """Each chunk with the document that it is of, their vectors, and what was judged."""

    chunks: list[tuple[str, Chunk]]
    vectors: Vectors
    judged: EvaluationSet
    model: WordLlamaModel

    @classmethod
    def read(cls) -> "SciFact":
        """Skips the test where the data set is absent."""
        folder, model = shared_data("scifact"), WordLlamaModel()
        chunks = [
            (document.id, one)
            for document in read_corpus(folder / "corpus.jsonl")
            for one in chunk(Parsed(document.content, Kind.TEXT), ChunkerSettings())
        ]
        parts = [chunks[begin : begin + 64] for begin in range(0, len(chunks), 64)]
        vectors = np.concatenate([model.embed_now([one.text for _, one in part]) for part in parts])
        return cls(chunks, vectors, read_evaluation_set(folder), model)

    @cached_property
    def quality(self) -> dict[Mode, Quality]:
        """Computed directly, by mode."""
        index = DirectIndex.of(((document, one.text) for document, one in self.chunks), self.vectors)
        asked = self.model.embed_now(list(self.judged.queries.values()))
        return {mode: index.quality(mode, self.judged.queries, asked, self.judged.judgements) for mode in MODES}
