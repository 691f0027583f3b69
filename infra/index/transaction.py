"""Transactions of one tenant: row-level security shows them nothing else, and nothing at all where none is set."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import psycopg
import psycopg.errors
from psycopg.rows import TupleRow
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.database.batches import written_to

STAGE = "index"
ROLE = "penstock_app"
"""Owns nothing and can't bypass row-level security, whoever we log in as."""

Driver: TypeAlias = psycopg.AsyncConnection[TupleRow]
# Both last as long as the transaction.
_ENTER = text("SELECT set_config('role', 'penstock_app', true), set_config('penstock.tenant', :tenant, true)")


@asynccontextmanager
async def tenant_transaction(engine: AsyncEngine, tenant: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees and writes the rows of `tenant` alone.

    Raises `PenstockError`: `pipeline_unavailable`, retryable, where the database can't be reached; `not_found` where a
    version's tables have been dropped meanwhile; `invalid_request` for text that PostgreSQL can't hold (U+0000).
    """
    require_tenant(tenant)
    with told_as_ours():
        async with written_to(engine, STAGE) as connection:
            await connection.execute(_ENTER, {"tenant": tenant})
            yield connection


@asynccontextmanager
async def as_owner(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    """Our login's own role for a while, in a tenant's transaction: only it may make and drop tables."""
    await connection.execute(text("RESET ROLE"))
    yield connection
    await connection.execute(text(f"SET LOCAL ROLE {ROLE}"))


@asynccontextmanager
async def outside_transactions(engine: AsyncEngine) -> AsyncIterator[Driver]:
    """A connection as our login, each statement on its own: what builds an index and cleans a table asks for that."""
    with told_as_ours():
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            yield await driver_of(connection)


def require_tenant(tenant: str) -> None:
    """Raises `PenstockError` (`permission_denied`) for no tenant: PostgreSQL takes '' for a setting that is not set."""
    if not tenant:
        raise PenstockError(ErrorCode.PERMISSION_DENIED, "no tenant is named", stage=STAGE)


async def driver_of(connection: AsyncConnection) -> Driver:
    """psycopg's connection within SQLAlchemy's: for COPY, pipelines and binary results."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    return driver  # type: ignore[no-any-return]


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Raise what the database and its driver raise as a `PenstockError`, where the cause is not a mistake of ours."""
    try:
        yield
    except (psycopg.Error, DBAPIError, PoolTimeoutError, UnicodeEncodeError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.DataError | UnicodeEncodeError):
            message = "a name or a value is none that the database can hold"
            raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE) from error
        if isinstance(cause, psycopg.errors.UndefinedTable):
            raise not_found("the index version") from error
        if isinstance(cause, psycopg.OperationalError | PoolTimeoutError):
            message = "the database can't be reached"
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True) from error
        raise


def not_found(what: str) -> PenstockError:
    """What is not there, and what is another tenant's: nobody can tell which."""
    return PenstockError(ErrorCode.NOT_FOUND, f"{what} does not exist", stage=STAGE)
