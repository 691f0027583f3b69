"""An inverted index as arrays: for each term, in which chunks it stands and how often. Pure.

A term's entries in a segment are one `bytea`: records of 8 bytes, mostly ascending by chunk. Those of several segments
are joined as they are. An int[] would cost PostgreSQL a call for each element that it sends.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from itertools import count as counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from infra.index.storable import storable

ENTRY = np.dtype([("chunk", "<i4"), ("frequency", "<u2"), ("length", "<u2")])
"""`length` is that of the chunk, in BM25 words: so scoring needs no second look-up. What is above 65,535 counts so."""

TERM_CHARACTERS = 100
"""A longer word is cut: PostgreSQL's indexes refuse it, and nobody asks for it."""
_MOST = np.iinfo(np.uint16).max
_WORDLESS = {"": 0}


RowKey: TypeAlias = tuple[str, int]
"""Term and segment: what a row is known by within a version. A segment's number is never used again."""


@dataclass(frozen=True, slots=True)
class TermPostings:
    """Where a term stands: three arrays of one length, ascending by chunk. That length is the document frequency
    (deleted chunks count until a merge).
    """

    chunk_ids: NDArray[np.int32]
    frequencies: NDArray[np.uint16]
    lengths: NDArray[np.uint16]

    def __len__(self) -> int:
        """In how many chunks the term stands."""
        return len(self.chunk_ids)

    @property
    def nbytes(self) -> int:
        """What the arrays take."""
        return len(self) * ENTRY.itemsize

    @classmethod
    def of(cls, packed: bytes) -> "TermPostings":
        """From the entries of a row. The arrays are copies: side by side, each is read much faster."""
        entries = np.frombuffer(packed, ENTRY)
        if np.any(np.diff(entries["chunk"]) < 0):  # the numbers of segments that were joined overlapped
            entries = entries[np.argsort(entries["chunk"], kind="stable")]
        return cls(*(np.ascontiguousarray(entries[name]) for name in ("chunk", "frequency", "length")))


@dataclass(frozen=True, slots=True)
class Postings:
    """What BM25 needs: the terms that were found, how many chunks they were looked for in (deleted ones count until a
    merge, as they do in `terms`), and the average length of a chunk in words.
    """

    terms: Mapping[str, TermPostings]
    chunks: int
    average_length: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Terms and their packed entries, in one order.

    A chunk without words is an entry of the term "", which nobody can ask for: so each chunk is named somewhere.
    """

    terms: list[str]
    entries: list[bytes]

    def chunk_ids(self) -> NDArray[np.int32]:
        """Those that are named, each once, ascending."""
        found: NDArray[np.int32] = np.unique(np.frombuffer(b"".join(self.entries), ENTRY)["chunk"])
        return found


def stored_term(term: str) -> str:
    """A term as the index holds it."""
    return storable(term[:TERM_CHARACTERS])


def invert(chunk_ids: NDArray[np.int64], words: Sequence[Mapping[str, int]]) -> Segment:
    """The segment of some chunks; `words` are the terms of each with their frequencies."""
    words = [each or _WORDLESS for each in words]
    counts = np.fromiter((len(each) for each in words), np.int64, len(words))
    lengths = np.fromiter((sum(each.values()) for each in words), np.int64, len(words))
    terms, codes = _encode(chain.from_iterable(words), int(counts.sum()))
    frequencies = np.fromiter(chain.from_iterable(each.values() for each in words), np.int64, len(codes))
    # Two terms may be one after cutting: then they are one entry, with both frequencies.
    place, inverse = np.unique(codes * len(words) + np.repeat(np.arange(len(words)), counts), return_inverse=True)
    found = np.empty(len(place), ENTRY)
    chunk = place % len(words)
    found["chunk"] = chunk_ids[chunk]
    found["length"] = np.minimum(lengths[chunk], _MOST)
    found["frequency"] = np.minimum(np.bincount(inverse, frequencies, len(place)), _MOST)
    return _split(terms, place // len(words), found)


def merge(rows: Sequence[tuple[str, bytes]], alive: NDArray[np.integer[Any]]) -> Segment:
    """One segment of the rows of several, without the chunks that are not among those `alive`."""
    terms, codes = _encode((term for term, _ in rows), len(rows))
    entries = np.frombuffer(b"".join(packed for _, packed in rows), ENTRY)
    codes = np.repeat(codes, [len(packed) // ENTRY.itemsize for _, packed in rows])
    keep = np.isin(entries["chunk"], alive)
    entries, codes = entries[keep], codes[keep]
    order = np.lexsort((entries["chunk"], codes))
    return _split(terms, codes[order], entries[order])


def gather(rows: Mapping[RowKey, TermPostings]) -> dict[str, TermPostings]:
    """The postings of each term, from those of its segments."""
    by_term: dict[str, list[TermPostings]] = {}
    for (term, _), entries in rows.items():
        by_term.setdefault(term, []).append(entries)
    return {term: _join(parts) for term, parts in by_term.items()}


def _join(parts: list[TermPostings]) -> TermPostings:
    if len(parts) == 1:
        return parts[0]
    chunk_ids = np.concatenate([part.chunk_ids for part in parts])
    order = np.argsort(chunk_ids, kind="stable")
    frequencies = np.concatenate([part.frequencies for part in parts])[order]
    return TermPostings(chunk_ids[order], frequencies, np.concatenate([part.lengths for part in parts])[order])


def _encode(terms: Iterable[str], count: int) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct terms as stored, and for each given one the number of its own."""
    codes, numbers = _number(terms, count)
    as_stored, stored = _number(map(stored_term, numbers), len(numbers))
    return list(stored), as_stored[codes]


def _number(values: Iterable[str], count: int) -> tuple[NDArray[np.int64], Mapping[str, int]]:
    """Number distinct values in the order in which they come."""
    numbers: defaultdict[str, int] = defaultdict(counter().__next__)
    return np.fromiter(map(numbers.__getitem__, values), np.int64, count), numbers


def _split(terms: Sequence[str], codes: NDArray[np.int64], entries: NDArray[np.void]) -> Segment:
    """Cut sorted entries into those of each term; a term without any is left out."""
    present, starts = np.unique(codes, return_index=True)
    cuts = np.append(starts, len(entries)) * ENTRY.itemsize
    whole = entries.tobytes()
    parts = [whole[begin:end] for begin, end in pairwise(cuts)]
    return Segment([terms[code] for code in present], parts)
