"""What a search finds. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SAME = 1e-4
"""Scores that differ by less are the same: half precision tells no more."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Chunk ids, the best first, and their scores: cosine similarities from -1 to 1, or those of BM25, above 0."""

    ids: NDArray[np.int32]
    scores: NDArray[np.float32]

    @classmethod
    def of(cls, ids: NDArray[np.integer[Any]], distances: NDArray[np.floating[Any]], limit: int) -> "Hits":
        """From cosine distances in any order. A zero vector is at no distance from anything, and is no hit."""
        order = np.lexsort((ids, distances))[:limit]
        order = order[~np.isnan(distances[order])]
        return cls(ids[order].astype(np.int32), (1 - distances[order]).astype(np.float32))

    @classmethod
    def none(cls) -> "Hits":
        """No hit."""
        return cls(np.zeros(0, np.int32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A chunk to be shown. `start` and `end` are characters of its document."""

    id: int
    document_id: str
    filename: str
    attributes: Mapping[str, Any]
    ordinal: int
    text: str
    start: int
    end: int
    heading: str | None
    page: int | None


def hits_of_rows(rows: Sequence[tuple[int, float]], limit: int) -> Hits:
    """From rows of (chunk id, cosine distance)."""
    if not rows:
        return Hits.none()
    ids, distances = zip(*rows, strict=True)
    return Hits.of(np.array(ids, np.int32), np.array(distances, np.float64), limit)


def hits_of_packed(ids: NDArray[np.int32], distances: Sequence[bytes | None], limit: int) -> Hits:
    """From all chunks that pass and their distances, packed as float4; no hit where none were asked for."""
    return Hits.of(ids, unpack(distances[0], ">f4"), limit) if distances else Hits.none()


def unpack(packed: bytes | None, kind: str) -> NDArray[Any]:
    """The numbers that PostgreSQL's `int4send` or `float4send` packed; `kind` is numpy's name of them."""
    return np.frombuffer(packed or b"", kind)


def in_order(rows: Iterable[tuple[Any, ...]], ids: Sequence[int]) -> list[FoundChunk]:
    """The chunks of some rows in the order of `ids`; what is not there is left out."""
    found = {row[0]: FoundChunk(*row) for row in rows}
    return [found[chunk] for chunk in ids if chunk in found]


def recall(found: Sequence[Hits], truth: Sequence[Hits]) -> float:
    """The share of the true hits that were found, or others as near; 1 where there are none."""
    wanted = sum(len(hits.ids) for hits in truth)
    met = 0
    for ours, theirs in zip(found, truth, strict=True):
        if len(theirs.ids):
            near_enough = ours.scores >= theirs.scores[-1] - _SAME
            met += min(len(theirs.ids), int(np.count_nonzero(near_enough)))
    return met / wanted if wanted else 1.0
