"""Transactions of what nobody owns but the platform: organisations, tenants, keys, and what was changed of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg import DataError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.database.batches import written_to

STAGE = "access"


@asynccontextmanager
async def access_transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """All of it, or nothing.

    Raises `PenstockError`: `pipeline_unavailable`, retryable, where the database can't be reached; `invalid_request`
    for text that PostgreSQL can't hold (U+0000).
    """
    try:
        async with written_to(engine, STAGE) as connection:
            yield connection
    except (DBAPIError, UnicodeEncodeError) as error:
        if isinstance(error, DBAPIError) and not isinstance(error.orig, DataError):
            raise
        raise refused("a name or a value is none that the database can hold") from error


def refused(message: str, param: str | None = None) -> PenstockError:
    """For a change that can't be made, whoever asks."""
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=param)


def not_found(what: str) -> PenstockError:
    """For what is not there."""
    return PenstockError(ErrorCode.NOT_FOUND, f"{what} does not exist", stage=STAGE)
