"""Many waiting callers, one write; and what a write meets when the database is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Generic, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.telemetry import about

T = TypeVar("T")


class Batcher(Generic[T]):
    """Collects what is added within `linger` seconds, at most `size`, and writes it at once. With `longest`, it goes on
    to collect for as long as something comes every `linger` seconds, up to so many seconds in all. `coming` tells how
    many can come at the moment, where that is known: with so many it waits for no more.

    A batch that fails is tried again row by row, so that one bad row fails alone; one whose error is retryable is not:
    it says nothing of the rows.
    """

    def __init__(
        self,
        write: Callable[[list[T]], Awaitable[None]],
        size: int,
        linger: float,
        *,
        longest: float = 0.0,
        coming: Callable[[], int] | None = None,
    ) -> None:
        self._write = write
        self._size = size
        self._linger = linger
        self._longest = max(linger, longest)
        self._coming = coming
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._flush: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    async def add(self, item: T) -> None:
        """Return once the item is written. Raises what the write raised."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._is_full():
            self._full.set()
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_until_empty())
        await written

    async def _flush_until_empty(self) -> None:
        about.begin(None)
        while self._waiting:
            if not self._is_full():
                self._full.clear()
                await self._linger_or_full()
            batch, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            await self._write_batch(batch)
        self._flush = None

    async def _linger_or_full(self) -> None:
        loop = asyncio.get_running_loop()
        until, there = loop.time() + self._longest, 0
        while there < len(self._waiting) and not self._is_full() and (left := until - loop.time()) > 0:
            there = len(self._waiting)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._linger, left)):
                    await self._full.wait()

    def _is_full(self) -> bool:
        return len(self._waiting) >= (min(self._size, self._coming()) if self._coming else self._size)

    async def _write_batch(self, batch: list[tuple[T, "asyncio.Future[None]"]]) -> None:
        try:
            await self._write([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised again, in every caller that waits for it
            if len(batch) > 1 and not _concerns_all(error):
                for one in batch:
                    await self._write_batch([one])
                return
            for _, written in batch:
                if not written.done():
                    written.set_exception(error)
            return
        for _, written in batch:
            if not written.done():
                written.set_result(None)


def _concerns_all(error: Exception) -> bool:
    return isinstance(error, PenstockError) and error.retryable


@asynccontextmanager
async def written_to(engine: AsyncEngine, stage: str) -> AsyncIterator[AsyncConnection]:
    """A transaction. Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (OperationalError, PoolTimeoutError, OSError) as error:
        raise _unavailable(stage) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable(stage) from error
        raise


def _unavailable(stage: str) -> PenstockError:
    message = "the database can't be reached"
    return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=stage, retryable=True)
