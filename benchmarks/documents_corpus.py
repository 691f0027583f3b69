"""Chunks about topics, embedded by the model that comes with Penstock: questions about them can be asked in words.

Half of a chunk's words are its topic's, the others as frequent as in any text; a question has words of both. So vectors
lie in clusters, as those of real texts do, and a question lies near one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.index_corpus import CHUNKS_A_DOCUMENT, DIMENSION, Corpus
from benchmarks.processes import BenchmarkError
from infra.index.version import VersionSpec
from ingestion.embedding.wordllama import NAME, WordLlamaModel

_WORDS, _OF_TOPIC, _TOPIC_WORDS = 110, 55, 30
_ASKED, _ASKED_OF_TOPIC = 6, 4
_CHUNKS_A_TOPIC = 100
_FREQUENT = 500
"""Words that belong to no topic: they are everywhere."""
_AT_ONCE = 512
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words, and its vector (DIMENSION,)."""

    text: str
    vector: NDArray[np.float32]


class TopicCorpus(Corpus):
    """`size` chunks, four a document, of which row i of `vectors` is the vector."""

    def __init__(self, size: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._model = WordLlamaModel()
        self.spec = VersionSpec(
            NAME, self._model.revision, DIMENSION, {"tokens": 512, "overlap": 0, "tokenizer": "cl100k_base"}
        )
        self._vocabulary = np.array(_vocabulary(), dtype=object)
        topics = max(1, size // _CHUNKS_A_TOPIC)
        self._topics = self._random.integers(_FREQUENT, len(self._vocabulary), size=(topics, _TOPIC_WORDS))
        self._words = self._ranks(size, _OF_TOPIC, _WORDS)
        self.vectors = self._embedded([" ".join(self._words_of(index)) for index in range(size)])

    def questions(self, count: int) -> list[Question]:
        """Questions about topics that there are."""
        texts = [" ".join(self._vocabulary[row]) for row in self._ranks(count, _ASKED_OF_TOPIC, _ASKED)]
        return [Question(text, vector) for text, vector in zip(texts, self._embedded(texts), strict=True)]

    def row_of(self, document_id: str, ordinal: int) -> int:
        """The row of `vectors` that a chunk has."""
        return int(document_id.removeprefix("file-")) * CHUNKS_A_DOCUMENT + ordinal

    def _words_of(self, index: int) -> list[str]:
        return list(self._vocabulary[self._words[index]])

    def _ranks(self, count: int, of_topic: int, words: int) -> NDArray[np.int64]:
        """Rows of words, as ranks in the vocabulary: first those of a topic, then any, by Mandelbrot's frequencies."""
        topics = self._topics[self._random.integers(len(self._topics), size=count)]
        chosen = np.take_along_axis(topics, self._random.integers(_TOPIC_WORDS, size=(count, of_topic)), axis=1)
        weights = 1 / (np.arange(len(self._vocabulary)) + 2.7)
        others = np.searchsorted(np.cumsum(weights / weights.sum()), self._random.random((count, words - of_topic)))
        return np.concatenate([chosen, np.minimum(others, len(self._vocabulary) - 1)], axis=1)

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        parts = [texts[begin : begin + _AT_ONCE] for begin in range(0, len(texts), _AT_ONCE)]
        return np.concatenate([self._model.embed_now(part) for part in parts])


def _vocabulary() -> list[str]:
    """Whole words that the model has vectors for, in its own order: the frequent ones first."""
    package = find_spec(NAME)
    if package is None or package.origin is None:
        raise BenchmarkError("the package wordllama is not installed.")
    tokenizer = Tokenizer.from_file(str(Path(package.origin).parent / _TOKENIZER))
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda each: each[1])
    words = [piece[1:] for piece, _ in pieces if piece.startswith("▁")]
    return [word for word in words if len(word) >= 3 and word.isascii() and word.isalpha() and word.islower()]
