"""The transaction of a search: of one tenant and one moment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from infra.index.queries import begin
from infra.index.transaction import Driver, require_tenant, told_as_ours


@asynccontextmanager
async def snapshot(engine: AsyncEngine, tenant: str) -> AsyncIterator[Driver]:
    """A transaction that sees the rows of `tenant` as they are now, and writes nothing.

    It takes psycopg's connection from the pool without SQLAlchemy's own around it: to change the latter's isolation
    level and to change it back takes 0.15 ms of CPU, as much as to ask for the version.

    Raises `PenstockError` as `infra.index.transaction.tenant_transaction` does.
    """
    require_tenant(tenant)
    with told_as_ours():
        pooled = await engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            # Else psycopg begins a transaction of its own.
            await driver.set_autocommit(True)
            await driver.execute(begin(tenant), prepare=False)
            yield driver
            # psycopg forgets its prepared statements in a rollback, which is how the pool would end it.
            await driver.commit()
        finally:
            await greenlet_spawn(_give_back, pooled)


def _give_back(pooled: PoolProxiedConnection) -> None:
    """To the pool as it was; what can't be put in order is closed instead."""
    try:
        pooled.rollback()
        pooled.dbapi_connection.autocommit = False  # type: ignore[union-attr]
    except psycopg.Error:
        pooled.invalidate()
    except BaseException:
        pooled.invalidate()
        raise
    finally:
        pooled.close()
