"""Files parsed apart: one that crashes, hangs or blows up its parser is a failed document, never a dead worker."""

import asyncio
from contextlib import suppress
from types import TracebackType

from ingestion.parsing.errors import UnparsableCode, UnparsableError
from ingestion.parsing.kinds import kind_of
from ingestion.parsing.parse import DEFAULT_LIMITS, ParserLimits, parse
from ingestion.parsing.parsed import Parsed
from ingestion.parsing.process import Crashed, ParserProcess


class ParserPool:
    """At most `size` parser processes; each is started when it is first needed and then kept.

    `async with ParserPool() as parsers: await parsers.parse_apart(name, content, media_type)`
    """

    def __init__(self, size: int = 2, limits: ParserLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._free = asyncio.Semaphore(size)
        self._idle: list[ParserProcess] = []
        self._closed = False

    async def __aenter__(self) -> "ParserPool":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the processes: those that are idle now, one that is at work when it is done."""
        self._closed = True
        while self._idle:
            await self._idle.pop().kill()

    async def parse_apart(self, name: str, content: bytes, media_type: str | None = None) -> Parsed:
        """As `parse`, within the limits. Plain text only goes to a thread of this process: decoding it is no risk.

        Raises `UnparsableError`, also with `timeout` and `crashed`, and `ParserUnavailableError` where there is no
        parser to be had.
        """
        if len(content) > self.limits.content_bytes or kind_of(name, media_type, content).is_plain:
            return await asyncio.to_thread(parse, name, content, media_type, self.limits)
        async with self._free:
            try:
                return await self._parse(name, content, media_type)
            except TimeoutError:
                message = f"the file takes longer to parse than {self.limits.seconds:g} s"
                raise UnparsableError(UnparsableCode.TIMEOUT, message) from None
            except Crashed as crash:
                raise UnparsableError(UnparsableCode.CRASHED, f"the file's parser {crash}") from None

    async def _parse(self, name: str, content: bytes, media_type: str | None) -> Parsed:
        """A process that was used before may have ended of what it read then: this file gets a new one."""
        process = self._take()
        if process is not None:
            with suppress(Crashed):
                return await self._parse_by(process, name, content, media_type)
        return await self._parse_by(await ParserProcess.start(), name, content, media_type)

    async def _parse_by(self, process: ParserProcess, name: str, content: bytes, media_type: str | None) -> Parsed:
        """The process is kept if it is as good as before."""
        as_before = False
        try:
            parsed = await process.parse(name, content, media_type, self.limits)
            as_before = True
        except UnparsableError as error:
            as_before = error.code is not UnparsableCode.TOO_LARGE  # what it has of the memory is in pieces
            raise
        finally:
            if as_before and not self._closed:
                self._idle.append(process)
            else:
                await process.kill()
        return parsed

    def _take(self) -> ParserProcess | None:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                return process
        return None
