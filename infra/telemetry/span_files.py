"""Spans in files of one directory, where there is no collector: each process writes them, `penstock trace` reads them.

A file is a row of OTLP requests (`ExportTraceServiceRequest`), each behind its length in 4 bytes, big end first: what
the OpenTelemetry Collector's file exporter writes as `proto`
(https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/fileexporter). Nothing is indexed:
to look for an id is to look for its bytes, which takes a tenth of a second for the whole directory.
"""

import logging
import mmap
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from infra.telemetry.otlp import encode
from infra.telemetry.tracing import Finished

_SUFFIX = ".otlp"
_LENGTH = 4
_FILE_BYTES, _FILE_SECONDS = 8 * 1024 * 1024, 300.0
"""A new file is begun after so much, or so long: files are dropped whole."""


class SpanFiles(SpanExporter):
    """Appends what one process exports, and drops what is older than `age` seconds or beyond `most_bytes` of all."""

    def __init__(self, directory: Path, *, age: float, most_bytes: int) -> None:
        self._directory = directory
        self._age = age
        self._most_bytes = most_bytes
        self._file: int | None = None
        self._written = 0
        self._began = 0.0
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append one batch. What can't be written is dropped, and a line of the log says so, once."""
        body = encode(cast(Sequence[Finished], spans))
        try:
            self._append(len(body).to_bytes(_LENGTH) + body)
        except OSError as error:
            if not self._failing:
                logging.getLogger(__name__).warning("spans can't be written to %s: %s", self._directory, error)
            self._failing = True
            self._close()
            return SpanExportResult.FAILURE
        self._failing = False
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._close()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back."""
        return True

    def _append(self, frame: bytes) -> None:
        now = time.time()
        file = self._file
        if file is None or self._written >= _FILE_BYTES or now - self._began >= _FILE_SECONDS:
            file = self._begin(now)
        # In one call: whoever reads meanwhile sees whole frames, or one cut off at the end.
        self._written += os.write(file, frame)

    def _begin(self, now: float) -> int:
        self._close()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / f"{round(now * 1000):013d}-{os.getpid()}{_SUFFIX}"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._began, self._written = now, 0
        drop_old(self._directory, before=now - self._age, most_bytes=self._most_bytes - _FILE_BYTES)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def drop_old(directory: Path, *, before: float, most_bytes: int) -> None:
    """Drop files that were last written `before` (seconds since 1970), then the oldest, until all have `most_bytes`."""
    size = 0
    for path in _newest_first(directory):
        with suppress(FileNotFoundError):
            found = path.stat()
            size += found.st_size
            if found.st_mtime < before or size > most_bytes:
                path.unlink()


def frames_with(directory: Path, wanted: bytes) -> Iterator[bytes]:
    """The OTLP requests, of the newest files first, in which these bytes are; none where there is no directory."""
    for path in _newest_first(directory):
        with suppress(FileNotFoundError):
            yield from _frames_in(path, wanted)


def _newest_first(directory: Path) -> list[Path]:
    return sorted(directory.glob(f"*{_SUFFIX}"), reverse=True)


def _frames_in(path: Path, wanted: bytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
            start, found = 0, content.find(wanted)
            while found >= 0 and start + _LENGTH <= size:
                end = start + _LENGTH + int.from_bytes(content[start : start + _LENGTH])
                if end > size:
                    # Cut off: its writer died, or is about to write the rest.
                    return
                if found < end:
                    yield content[start + _LENGTH : end]
                    found = content.find(wanted, end)
                start = end
