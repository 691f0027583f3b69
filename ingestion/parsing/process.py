"""One parser process, from its owner's side."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import cast

from ingestion.parsing.errors import ParserUnavailableError, UnparsableCode, UnparsableError
from ingestion.parsing.frames import EXIT_OUTGROWN, LENGTH, frame, read_answer, request
from ingestion.parsing.parse import TOO_MUCH_MEMORY, ParserLimits
from ingestion.parsing.parsed import Parsed

_START_SECONDS = 60.0
"""Importing the parsers takes half a second of processor time; a busy machine needs longer."""

_BYTES_A_CHARACTER = 6
"""At most, in JSON: a control character is written as `\\u0001`."""

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""The process parses strangers' files, so it gets no key that a worker's environment may hold."""


class Crashed(Exception):  # noqa: N818 - it is what happened to the process; what its owner raises is an error
    """The process ended, or said what no parser says. The text goes on after «the parser …»."""


class ParserProcess:
    """Parses one file at a time. After any error but `UnparsableError` it is of no more use: `kill` it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._input = cast("asyncio.StreamWriter", process.stdin)
        self._output = cast("asyncio.StreamReader", process.stdout)

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as that is known."""
        return self._process.returncode is None

    @classmethod
    async def start(cls) -> "ParserProcess":
        """Raises `ParserUnavailableError`."""
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "ingestion.parsing.child",
                stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ParserUnavailableError(error.strerror or "the system refused it") from None
        started = cls(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await started._read(0)
        except BaseException as error:
            await started.kill()
            if isinstance(error, Crashed | TimeoutError):
                raise ParserUnavailableError(str(error) or "it took too long") from None
            raise
        return started

    async def parse(self, name: str, content: bytes, media_type: str | None, limits: ParserLimits) -> Parsed:
        """Raises `UnparsableError`, `TimeoutError` after the limit, `Crashed`."""
        async with asyncio.timeout(limits.seconds):
            with suppress(ConnectionError):  # a process that reads no more is found out by reading its answer
                await self._write(*request(name, content, media_type, limits))
            body = await self._read(_BYTES_A_CHARACTER * limits.characters + 1024 * 1024)
        try:
            return read_answer(body)
        except ValueError as error:
            raise Crashed(f"answered nonsense: {error}") from None

    async def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _write(self, *bodies: bytes) -> None:
        for body in bodies:
            self._input.write(frame(body))
            await self._input.drain()

    async def _read(self, most: int) -> bytes:
        try:
            (length,) = LENGTH.unpack(await self._output.readexactly(LENGTH.size))
            if length > most:
                raise Crashed("answered with more than a file may hold")
            return await self._output.readexactly(length)
        except asyncio.IncompleteReadError:
            raise _death(await self._process.wait()) from None


def _death(returncode: int) -> Exception:
    if returncode == EXIT_OUTGROWN:
        return UnparsableError(UnparsableCode.TOO_LARGE, TOO_MUCH_MEMORY)
    return Crashed(_describe(returncode))


def _describe(returncode: int) -> str:
    if returncode >= 0:
        return f"exited with code {returncode}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"was killed by signal {-returncode}"
