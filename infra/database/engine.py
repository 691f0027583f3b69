"""The engine of a process, and the migrations that make the schema what the code expects."""

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra.settings import Settings


def create_engine(settings: Settings, *, pool_size: int) -> AsyncEngine:
    """A pool of at most `pool_size` connections that survives a restart of the server."""
    return create_async_engine(
        settings.require_database_url(),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "prepare_threshold": 2},
    )


def migrate(settings: Settings) -> None:
    """Bring the schema to the newest revision. Blocks; one process at a time, under an advisory lock."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = settings.require_database_url()
    command.upgrade(config, "head")
