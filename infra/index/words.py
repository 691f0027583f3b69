"""The chunks that BM25 ranks highest, from postings as the index has them. Pure.

BM25 as Lucene has it: the weight of a word is ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative; k1 and b as
measured (FACTS). Words are scored from the rarest on, after Turtle and Flood, «Query Evaluation: Strategies and
Optimizations» (1995): when the frequent ones that are left can't bring another chunk among the best, they are looked up
for the chunks that are, and not scored for all that have them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infra.index.found import Hits
from infra.index.postings import Postings, TermPostings

K1, B = 0.9, 0.4
_WORTHWHILE = 0.2
"""Entries yet to be scored, as a share of all chunks, from which on it pays to see whether they need to be."""
_ROUNDING = 1e-4


@dataclass(frozen=True, slots=True)
class _Word:
    postings: TermPostings
    weight: float
    average_length: float

    @property
    def most(self) -> float:
        """No chunk's score is above this."""
        return self.weight * (K1 + 1)

    def add(self, scores: NDArray[np.float32]) -> None:
        """Score all chunks that have the word."""
        scores[self.postings.chunk_ids] += self._scores(self.postings.frequencies, self.postings.lengths)

    def add_to(self, candidates: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Score those of the `candidates` (ascending) that have it."""
        ids = self.postings.chunk_ids
        places = np.minimum(np.searchsorted(ids, candidates.astype(np.int32)), len(ids) - 1)
        has = ids[places] == candidates
        places = places[has]
        scores[candidates[has]] += self._scores(self.postings.frequencies[places], self.postings.lengths[places])

    def _scores(self, frequencies: NDArray[np.uint16], lengths: NDArray[np.uint16]) -> NDArray[np.float32]:
        often = frequencies.astype(np.float32)
        long = lengths.astype(np.float32) * np.float32(K1 * B / self.average_length) + np.float32(K1 * (1 - B))
        return np.asarray(np.float32(self.most) * often / (often + long), np.float32)


def best_by_words(postings: Postings, limit: int, times: Mapping[str, int] | None = None) -> Hits:
    """The `limit` chunks with the highest scores, all above 0; `times` is how often the query says a word, if not once.

    Chunks that have been deleted count as the others do, until a merge: `VersionSearch.first_passing` leaves them out.
    """
    words = _words(postings, times or {})
    if not words:
        return Hits.none()
    scores = np.zeros(1 + max(int(word.postings.chunk_ids[-1]) for word in words), np.float32)
    for number, word in enumerate(words, 1):
        word.add(scores)
        if (candidates := _decided(scores, words[number:], limit)) is not None:
            for left in words[number:]:
                left.add_to(candidates, scores)
            return _best(scores, candidates, limit)
    return _best(scores, np.flatnonzero(scores > 0), limit)


def _words(postings: Postings, times: Mapping[str, int]) -> list[_Word]:
    """The rarest first."""
    found = []
    for term, where in sorted(postings.terms.items(), key=lambda item: len(item[1])):
        weight = float(np.log1p((postings.chunks - len(where) + 0.5) / (len(where) + 0.5)))
        found.append(_Word(where, weight * times.get(term, 1), postings.average_length))
    return found


def _decided(scores: NDArray[np.float32], left: Sequence[_Word], limit: int) -> NDArray[np.int64] | None:
    """The chunks that can be among the best once the words that are `left` are scored; None where it pays to go on."""
    if sum(len(word.postings) for word in left) < _WORTHWHILE * len(scores):
        return None
    candidates = np.flatnonzero(scores > 0)
    if len(candidates) < limit:
        return None
    so_far = scores[candidates]
    threshold = np.partition(so_far, -limit)[-limit] - _ROUNDING
    possible = sum(word.most for word in left)
    return candidates[so_far >= threshold - possible] if threshold > possible else None


def _best(scores: NDArray[np.float32], candidates: NDArray[np.int64], limit: int) -> Hits:
    found = scores[candidates]
    if len(found) > limit:
        keep = np.flatnonzero(found >= np.partition(found, -limit)[-limit])
        candidates, found = candidates[keep], found[keep]
    order = np.lexsort((candidates, -found))[:limit]
    return Hits(candidates[order].astype(np.int32), found[order])
