"""The catalogue's file, looked at again and again."""

import time
from pathlib import Path

from infra.catalog.candidate import Candidate
from infra.catalog.load import named, read_catalog

_Signature = tuple[int, int, int]
"""Modification time, size and inode: a file that is replaced by an older one has another inode at least."""


class CatalogFile:
    """One file. `found` is what it held when it was last read."""

    def __init__(self, path: Path | None) -> None:
        """Raises `SettingsError` where none is named or it can't be read."""
        self._path = named(path)
        # Before the text: what changes while it is read is seen at the next look.
        self._read = self._last = self._signature()
        self.found = self._candidate()

    def look(self) -> bool:
        """Whether the file was changed, and is read anew. It has to stay as it is for two looks: writing takes time.

        Raises `SettingsError`, once for each change, where it can't be read any more.
        """
        before, self._last = self._last, self._signature()
        if self._last == self._read or self._last != before:
            return False
        self._read = self._last
        self.found = self._candidate()
        return True

    def _signature(self) -> _Signature | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _candidate(self) -> Candidate:
        now = time.time()
        # A time in the future would win over whatever is applied until then.
        changed = min(self._read[0] / 1e9, now) if self._read else now
        return Candidate(read_catalog(self._path), changed, str(self._path))
