"""BM25, computed plainly: what the index's own (`infra.index.words`) is held to.

Robertson and Zaragoza, «The Probabilistic Relevance Framework: BM25 and Beyond» (2009), as Lucene has it: the weight of
a word is ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative. k1 and b are those of Anserini's regressions.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

K1 = 0.9
B = 0.4

Ids = NDArray[np.integer]
Scores = NDArray[np.float32]


class Postings(NamedTuple):
    """The chunks that hold one word of the query: their ids, each once, and how often it stands in each.

    `times` is how often the query says the word. `found_in` is the number of chunks that hold it in the whole index;
    None where that is the number of ids.
    """

    ids: Ids
    frequencies: Ids
    times: int = 1
    found_in: int | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of an index: the number of its chunks, and the number of words in all of them."""

    chunks: int
    total_length: int

    @property
    def average_length(self) -> float:
        """In words; 1 for an index that is empty."""
        return self.total_length / self.chunks if self.total_length else 1.0


def bm25(postings: Iterable[Postings], lengths: NDArray[np.integer], statistics: Statistics) -> Scores:
    """The score of every chunk by its id, an array as long as `lengths`; 0 where no word of the query is.

    `lengths[id]` is the chunk's number of words. Ids are dense: the arrays have a place for each up to the highest.
    """
    scores = np.zeros(len(lengths), np.float32)
    for posting in postings:
        found_in = len(posting.ids) if posting.found_in is None else posting.found_in
        weight = posting.times * word_weight(found_in, statistics.chunks)
        frequencies = posting.frequencies.astype(np.float32)
        relative = lengths[posting.ids].astype(np.float32) / np.float32(statistics.average_length)
        scores[posting.ids] += np.float32(weight) * frequencies / (frequencies + K1 * (1 - B + B * relative))
    return scores


def word_weight(found_in: int, chunks: int) -> float:
    """How much a word tells that is in so many of the chunks. Chunks deleted since the count don't make it negative."""
    chunks = max(chunks, found_in)
    return math.log1p((chunks - found_in + 0.5) / (found_in + 0.5))
