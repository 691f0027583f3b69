"""Search without a database: all of a corpus in memory, scored exactly. What an index finds has to agree with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingestion.embedding import Vectors
from ingestion.evaluation import Quality, by_document, evaluate
from ingestion.fusion import VECTOR_WEIGHT, convex, reciprocal_rank
from ingestion.ranking import Ranking, best
from ingestion.text import term_frequencies
from tests.support.bm25 import Postings, Statistics, bm25

Mode = Literal["vector", "text", "hybrid", "rrf"]
CANDIDATES = 100


@dataclass(frozen=True)
class DirectIndex:
    """Chunks 0, 1, … : `documents` says whose each is."""

    documents: list[str]
    vectors: Vectors
    postings: Mapping[str, Postings]
    lengths: NDArray[np.integer]

    @classmethod
    def of(cls, chunks: Iterable[tuple[str, str]], vectors: Vectors) -> "DirectIndex":
        """Of (document, text)."""
        lists: dict[str, tuple[list[int], list[int]]] = {}
        documents, lengths = [], []
        for number, (document, text) in enumerate(chunks):
            frequencies = term_frequencies(text)
            documents.append(document)
            lengths.append(sum(frequencies.values()))
            for word, frequency in frequencies.items():
                ids, counts = lists.setdefault(word, ([], []))
                ids.append(number)
                counts.append(frequency)
        postings = {
            word: Postings(np.array(ids, np.int32), np.array(counts, np.int16)) for word, (ids, counts) in lists.items()
        }
        return cls(documents, vectors, postings, np.array(lengths, np.int32))

    def search(self, mode: Mode, query: str, vector: Vectors, most: int = CANDIDATES) -> Ranking:
        """`vector` is the query's, of (dimension,)."""
        match mode:
            case "vector":
                return best(self.vectors @ vector, most)
            case "text":
                return best(self._text_scores(query), most)
            case "hybrid":
                return convex(
                    self.search("vector", query, vector), self.search("text", query, vector), most, VECTOR_WEIGHT
                )
            case "rrf":
                return reciprocal_rank([self.search("vector", query, vector), self.search("text", query, vector)], most)

    def quality(
        self, mode: Mode, queries: Mapping[str, str], vectors: Vectors, judgements: Mapping[str, Mapping[str, int]]
    ) -> Quality:
        """`vectors` are the queries', in their order."""
        names = {str(number): document for number, document in enumerate(self.documents)}
        run = {}
        for (query, text), vector in zip(queries.items(), vectors, strict=True):
            found = self.search(mode, text, vector)
            scores = {
                str(number): score for number, score in zip(found.ids.tolist(), found.scores.tolist(), strict=True)
            }
            run[query] = by_document(scores, names)
        return evaluate(run, judgements)

    def _text_scores(self, query: str) -> NDArray[np.float32]:
        asked = term_frequencies(query).items()
        found = [self.postings[word]._replace(times=times) for word, times in asked if word in self.postings]
        return bm25(found, self.lengths, Statistics(len(self.lengths), int(self.lengths.sum())))
