"""One connection to PostgreSQL that is kept, and made anew where it was lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg

from contracts.errors import ErrorCode, PenstockError

T = TypeVar("T")
_OPTIONS = "-c synchronous_commit=off -c lock_timeout=5s -c statement_timeout=10s"
_CONNECT_TIMEOUT = 5

Reopened = Callable[[psycopg.AsyncConnection[Any], float], Awaitable[None]]
"""Is called with a connection that takes the place of one which was lost, and when that was (seconds, monotonic)."""


class Session:
    """A connection whose statements are transactions of their own, one at a time. They are not waited for on the disk.

    SQLAlchemy's pool, with its question before each use whether the connection is alive, costs two round trips of
    which this needs one.
    """

    def __init__(self, url: str, stage: str, reopened: Reopened) -> None:
        self._url = url
        self._stage = stage
        self._reopened = reopened
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lost_at: float | None = None
        self._turn = asyncio.Lock()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way: what is run now is sent at once."""
        return not self._turn.locked()

    async def run(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        """What `work` returns of the connection. It is done again where it turns out that the connection was lost.

        Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached, or waited too
        long for what another transaction holds.
        """
        async with self._turn:
            try:
                kept = self._connection is not None
                try:
                    return await self._try(work)
                except psycopg.OperationalError:
                    if not kept or self._connection is not None:
                        raise
                return await self._try(work)
            except (psycopg.OperationalError, OSError) as error:
                if isinstance(error, psycopg.Error) and not _passes(error):
                    raise
                message = "the database can't be reached"
                raise PenstockError(
                    ErrorCode.PIPELINE_UNAVAILABLE, message, stage=self._stage, retryable=True
                ) from error

    async def _try(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        connection = await self._open()
        try:
            return await work(connection)
        finally:
            if connection.closed:
                self._connection, self._lost_at = None, time.monotonic()

    async def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is not None:
            return self._connection
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            prepare_threshold=0,
            connect_timeout=_CONNECT_TIMEOUT,
            options=_OPTIONS,
        )
        try:
            if self._lost_at is not None:
                await self._reopened(connection, self._lost_at)
        except BaseException:
            await connection.close()
            raise
        self._connection, self._lost_at = connection, None
        return connection


def _passes(error: psycopg.Error) -> bool:
    """Whether it says nothing of the statement: no connection, a server that stops or has no room, a lock, a deadlock.

    https://www.postgresql.org/docs/18/errcodes-appendix.html
    """
    return error.sqlstate is None or error.sqlstate == "55P03" or error.sqlstate[:2] in {"08", "40", "53", "57"}
