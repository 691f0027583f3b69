"""The engine of a process, and the migrations that make the schema what the code expects."""

import select
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from infra.settings import Settings

_QUIET = 30
"""Seconds without a word after which the kernel asks whether the server's is still there."""


def create_engine(settings: Settings, *, pool_size: int) -> AsyncEngine:
    """A pool of at most `pool_size` connections that survives a restart of the server."""
    engine = create_async_engine(
        settings.require_database_url(),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "prepare_threshold": 2, "keepalives_idle": _QUIET},
    )
    event.listen(engine.sync_engine, "checkout", _require_open)
    return engine


def _require_open(_: object, pooled: ConnectionPoolEntry, __: object) -> None:
    """Instead of a ping, which is a trip to the server each time: one that ends its connection says so, and nothing
    else is to be read from one that nobody uses. The pool then makes new ones.
    """
    driver: Any = pooled.driver_connection
    if driver.closed or _is_readable(driver.fileno()):
        raise InvalidatePoolError("the server has closed the connection")


def _is_readable(descriptor: int) -> bool:
    watched = select.poll()
    watched.register(descriptor, select.POLLIN)
    return bool(watched.poll(0))


def migrate(settings: Settings) -> None:
    """Bring the schema to the newest revision. Blocks; one process at a time, under an advisory lock."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = settings.require_database_url()
    command.upgrade(config, "head")
