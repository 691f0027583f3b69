"""Vectors as numpy has them and as PostgreSQL's binary protocol has them. Pure."""

from collections.abc import Sequence
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_FRAME = Struct(">hh")
"""The dimension, and 0. See pgvector's `halfvec_recv`."""
_HEADER = _FRAME.size


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Each row (of the last axis) at length 1, in float32; a zero vector stays one."""
    wide = np.asarray(vectors, np.float32)
    # Scaled first: the square of a large float32 is no float32 any more.
    largest = np.max(np.abs(wide), axis=-1, keepdims=True, initial=0.0)
    scaled = wide / np.where(largest > 0, largest, 1)
    norms = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return np.asarray(scaled / np.where(norms > 0, norms, 1), np.float32)


def to_halfvec(vectors: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """(n, dimension) → (n, 4 + 2 x dimension) bytes: each row a halfvec of the binary protocol."""
    count, dimension = vectors.shape
    framed = np.zeros((count, _HEADER + 2 * dimension), np.uint8)
    framed[:, :_HEADER] = np.frombuffer(_FRAME.pack(dimension, 0), np.uint8)
    framed[:, _HEADER:] = np.ascontiguousarray(vectors, ">f2").view(np.uint8).reshape(count, 2 * dimension)
    return framed


def from_halfvec(framed: Sequence[bytes]) -> NDArray[np.float32]:
    """The inverse: (n, dimension). All must have one dimension; none gives the shape (0, 0)."""
    if not framed:
        return np.zeros((0, 0), np.float32)
    rows = np.frombuffer(b"".join(framed), ">f2").reshape(len(framed), -1)
    return rows[:, _HEADER // 2 :].astype(np.float32)


class HalfVector:
    """A query's parameter."""

    __slots__ = ("framed",)

    def __init__(self, vector: NDArray[np.floating[Any]]) -> None:
        self.framed = _FRAME.pack(len(vector), 0) + unit(vector).astype(">f2").tobytes()


class HalfVectorDumper(Dumper):
    """Sends a `HalfVector` in binary. No type is named, as its number differs between databases: the query casts."""

    format = Format.BINARY

    def dump(self, obj: HalfVector) -> Buffer:
        """The bytes as they are."""
        return obj.framed
