"""The parser process: `python -m ingestion.parsing.child`. Frames in by standard input, answers out by standard output.

It says «ready» with an empty frame, and ends when its input does.
"""

import ctypes
import math
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from ingestion.parsing.errors import UnparsableError
from ingestion.parsing.frames import EXIT_OUTGROWN, LENGTH, answered, frame, refused
from ingestion.parsing.parse import ParserLimits, parse

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STATM = Path("/proc/self/statm")
_ADDRESS_SPACE, _RESIDENT = 0, 1  # fields of it, in pages
_WATCH_SECONDS = 0.01


def main() -> None:
    """Parse what comes in until nothing more does."""
    _die_with_the_parent()
    source, sink = sys.stdin.buffer, _private_output()
    _import_parsers()
    _silence(2)  # so far it tells why there is no parser; from here on a file would write what it likes into a log
    _forbid_files()
    watch = _MemoryWatch()
    _write(sink, b"")
    while (head := _read(source)) is not None:
        content = _read(source)
        if content is None:
            return
        _write(sink, _answer(orjson.loads(head), content, watch))


def _answer(asked: dict[str, Any], content: bytes, watch: "_MemoryWatch") -> bytes:
    limits = ParserLimits(**asked["limits"])
    _limit(limits)
    try:
        with watch.at_most(limits.memory_bytes):
            return answered(parse(asked["name"], content, asked["media_type"], limits))
    except UnparsableError as error:
        return refused(error)


class _MemoryWatch:
    """Ends the process when it has outgrown its file.

    A limit of the system's alone won't do: where it is met, a library in C may crash and Python may have no memory left
    to say why.
    """

    def __init__(self) -> None:
        self._most = sys.maxsize
        self._at_work = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @contextmanager
    def at_most(self, memory_bytes: int) -> Iterator[None]:
        """So many bytes over what is resident now."""
        self._most = _statm(_RESIDENT) + memory_bytes
        self._at_work.set()
        try:
            yield
        finally:
            self._at_work.clear()

    def _watch(self) -> None:
        while self._at_work.wait():
            if _statm(_RESIDENT) > self._most:
                os._exit(EXIT_OUTGROWN)
            time.sleep(_WATCH_SECONDS)


def _limit(limits: ParserLimits) -> None:
    """What stops the process where the watch can't: in one huge step, or when its owner and his clock are gone."""
    _lower(resource.RLIMIT_AS, _statm(_ADDRESS_SPACE) + 2 * limits.memory_bytes)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + limits.seconds) + 1)


def _lower(what: int, to: int) -> None:
    _, hard = resource.getrlimit(what)
    with suppress(ValueError):  # a limit below it that the process was started with stays
        resource.setrlimit(what, (to, hard))


def _statm(field: int) -> int:
    """In bytes. 0 where the system has no /proc: such a one holds to no limit of address space either."""
    with suppress(OSError):
        return int(_STATM.read_text("ascii").split()[field]) * resource.getpagesize()
    return 0


def _import_parsers() -> None:
    """At the start, so that no file's memory and time are spent on it."""
    import ingestion.parsing.office
    import ingestion.parsing.pdf
    import ingestion.parsing.web  # noqa: F401


def _forbid_files() -> None:
    """A parser writes none, and leaves no core behind."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _die_with_the_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _private_output() -> BinaryIO:
    """Standard output for the answers alone: what a library prints goes nowhere."""
    private = os.dup(1)
    _silence(1)
    return os.fdopen(private, "wb")


def _silence(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = source.read(length)
    return body if len(body) == length else None


def _write(sink: BinaryIO, body: bytes) -> None:
    sink.write(frame(body))
    sink.flush()


if __name__ == "__main__":
    main()
