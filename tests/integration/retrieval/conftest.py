"""The fixtures of the tests of searching: an engine, an index in an empty database, and searches in it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.engine import create_engine
from infra.settings import Settings
from tests.support.database import Database
from tests.support.index import OTHER, Index, make_index
from tests.support.retrieval import Retrieval


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """A pool of eight connections to an empty database, as the worker has it."""
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


@pytest.fixture
async def retrieval(engine: AsyncEngine) -> AsyncIterator[Retrieval]:
    """Searches and evaluations."""
    retrieval = Retrieval.on(engine)
    yield retrieval
    await retrieval.parts.close()
