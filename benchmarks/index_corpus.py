"""What the index is measured with: vectors in clusters, texts of Zipf's words, queries of both. Given by its seed."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from contracts.filters import Comparison, Scalar
from infra.index.chunks import Chunk, DocumentChunks
from infra.index.documents import Submission
from infra.index.version import VersionSpec

DIMENSION = 256
SPEC = VersionSpec(model="synthetic", revision="1", dimension=DIMENSION, chunker={"words": 110})
CHUNKS_A_DOCUMENT = 4
_VOCABULARY, _WORDS_A_CHUNK, _WORDS_A_QUERY = 50_000, 110, 6
_CLUSTER_SIZE = 100
_NOISE = 1.0
"""Of a vector around its cluster's centre, both with coordinates of this deviation: neighbours are no duplicates."""


@dataclass(frozen=True, slots=True)
class Query:
    """A vector that no chunk has, and words as frequent as those of chunks."""

    vector: NDArray[np.float32]
    words: list[str]


class Corpus:
    """`size` chunks. Row i of `vectors` (size, DIMENSION), of length 1, is chunk i + 1 when loaded in order."""

    spec = SPEC

    def __init__(self, size: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        clusters = max(1, size // _CLUSTER_SIZE)
        self._centres = self._random.normal(size=(clusters, DIMENSION)).astype(np.float32)
        self.vectors = self._near_centres(size)
        self._words = self._zipf((size, _WORDS_A_CHUNK))

    def batches(self, chunks: int) -> Iterator[tuple[list[Submission], list[DocumentChunks]]]:
        """All documents, in batches of so many chunks."""
        for start in range(0, len(self.vectors), chunks):
            end = min(start + chunks, len(self.vectors))
            firsts = range(start, end, CHUNKS_A_DOCUMENT)
            documents = [self._document(first, min(first + CHUNKS_A_DOCUMENT, end)) for first in firsts]
            yield [_submission(document, first) for document, first in zip(documents, firsts, strict=True)], documents

    def queries(self, count: int) -> list[Query]:
        """Vectors and words as chunks have them."""
        vectors, words = self._near_centres(count), self._zipf((count, _WORDS_A_QUERY))
        return [Query(vector, [_word(rank) for rank in row]) for vector, row in zip(vectors, words, strict=True)]

    def nearest(self, vector: NDArray[np.float32], k: int, percent: int = 100) -> set[int]:
        """The true answer for `filter_of(percent)`: chunk ids."""
        similar = self.vectors @ vector
        similar[np.arange(len(similar)) // CHUNKS_A_DOCUMENT % 100 >= percent] = -2
        return set((np.argpartition(-similar, k)[:k] + 1).tolist())

    def _near_centres(self, count: int) -> NDArray[np.float32]:
        chosen = self._centres[self._random.integers(len(self._centres), size=count)]
        vectors = chosen + _NOISE * self._random.normal(size=(count, DIMENSION)).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def _zipf(self, shape: tuple[int, int]) -> NDArray[np.int64]:
        """Ranks from 0, each as frequent as 1 / (rank + 2.7): Mandelbrot's form, which natural text follows."""
        weights = 1 / (np.arange(_VOCABULARY) + 2.7)
        return np.searchsorted(np.cumsum(weights / weights.sum()), self._random.random(shape))

    def _document(self, first: int, end: int) -> DocumentChunks:
        name = f"file-{first // CHUNKS_A_DOCUMENT:08d}"
        chunks = [self._chunk(number, index) for number, index in enumerate(range(first, end))]
        sha = hashlib.sha256(name.encode()).digest()
        vectors = self.vectors[first:end]
        return DocumentChunks(name, f"{name}.1", sha, self.spec.model, self.spec.revision, chunks, vectors)

    def _chunk(self, ordinal: int, index: int) -> Chunk:
        words = self._words_of(index)
        text = " ".join(words)
        start = ordinal * len(text)
        return Chunk(ordinal, text, hashlib.sha256(text.encode()).digest(), start, start + len(text), Counter(words))

    def _words_of(self, index: int) -> list[str]:
        return [_word(rank) for rank in self._words[index]]


def filter_of(percent: int) -> Comparison:
    """A filter that so many hundredths of the documents pass."""
    return Comparison("percent", "lt", percent)


def _submission(document: DocumentChunks, first: int) -> Submission:
    number = first // CHUNKS_A_DOCUMENT
    attributes: dict[str, Scalar] = {"percent": number % 100, "author": f"author {number % 997}"}
    name = document.document_id
    return Submission(name, f"{name}.txt", attributes, document.sha256, datetime.now(UTC))


def _word(rank: int) -> str:
    return f"w{rank:05d}"
