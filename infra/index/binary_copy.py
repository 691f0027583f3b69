"""Rows as `COPY ... (FORMAT BINARY)` reads them, built column by column. Pure.

The format: https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS-BINARY. A field is its length as a
big-endian int32 and its bytes, or -1 for null.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from infra.index.storable import storable

Column = Iterable[bytes | memoryview]

_START = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct(">i").pack
_COUNT = Struct(">h").pack


def copy_of(columns: Sequence[Column]) -> bytes:
    """The whole input of a COPY. The shortest column says how many rows there are."""
    rows = zip(repeat(_COUNT(len(columns))), *columns, strict=False)
    return b"".join(chain((_START,), chain.from_iterable(rows), (_END,)))


def texts(values: Iterable[str | None]) -> Column:
    """For text columns."""
    return (_NULL if value is None else _field(storable(value).encode()) for value in values)


def binaries(values: Iterable[bytes]) -> Column:
    """For bytea columns."""
    return map(_field, values)


def same(value: str) -> Column:
    """A text column that is the same in all rows."""
    return repeat(_field(value.encode()))


def optional_integers(values: Iterable[int | None]) -> Column:
    """For integer (int4) columns that may be null."""
    return (_NULL if value is None else _field(_LENGTH(value)) for value in values)


def integers(values: NDArray[np.integer] | Sequence[int]) -> Column:
    """For integer (int4) columns."""
    return fixed(np.ascontiguousarray(values, ">i4").view(np.uint8).reshape(-1, 4))


def fixed(rows: NDArray[np.uint8]) -> Column:
    """For a column whose fields have one length: (rows, bytes of a field)."""
    count, width = rows.shape
    framed = np.empty((count, 4 + width), np.uint8)
    framed[:, :4] = np.frombuffer(_LENGTH(width), np.uint8)
    framed[:, 4:] = rows
    whole, step = memoryview(framed.tobytes()), 4 + width
    return (whole[start : start + step] for start in range(0, count * step, step))


def _field(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value
