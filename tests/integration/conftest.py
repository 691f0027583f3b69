"""The fixtures of the tests that need an index: an engine, and indexes of two tenants in an empty database."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.engine import create_engine
from infra.settings import Settings
from tests.support.database import Database
from tests.support.index import OTHER, Index, make_index


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """A pool of eight connections to an empty database."""
    engine = create_engine(Settings(database_url=database.url), pool_size=8)  # type: ignore[arg-type]
    yield engine
    await engine.dispose()


@pytest.fixture
async def index(engine: AsyncEngine) -> Index:
    """The index of a tenant, empty."""
    return await make_index(engine)


@pytest.fixture
async def other(engine: AsyncEngine) -> Index:
    """The index of another tenant, empty; its store has the same name."""
    return await make_index(engine, OTHER)
