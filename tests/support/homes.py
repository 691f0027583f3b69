"""Where the servers of tests keep their files."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_IN_MEMORY = Path("/dev/shm")
_ROOM, _SPARE = 4 << 30, 8 << 30
"""Bytes that must be free in the file system, and in the machine's memory: homes of a run hold less than a quarter."""


@contextmanager
def home_directory() -> Iterator[Path]:
    """A directory of its own, gone afterwards; in memory where there is plenty, as half of what servers do is to write.

    Not pytest's: root's is closed to the user that PostgreSQL runs as. What lies here outlives every process, as on a
    disk, and no machine.
    """
    with tempfile.TemporaryDirectory(prefix="penstock-", dir=_place()) as path:
        Path(path).chmod(0o711)
        yield Path(path)


def _place() -> Path | None:
    """None is the system's own place for such."""
    if not _IN_MEMORY.is_dir() or psutil.virtual_memory().available < _SPARE:
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ROOM else None
