"""The fixtures of the re-index's tests."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.engine import create_engine
from infra.settings import Settings
from tests.support.database import Database
from tests.support.index import make_index
from tests.support.pipeline import Pipeline
from tests.support.reindexing import Indexers, Judge, Rig


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """A pool of four connections to an empty database."""
    engine = create_engine(Settings(database_url=database.url), pool_size=4)  # type: ignore[arg-type]
    yield engine
    await engine.dispose()


@pytest.fixture
async def rig(pipeline: Pipeline, engine: AsyncEngine) -> Rig:
    """A store with an empty live version; indexers that work, and a judge to whom every version is as good."""
    index = await make_index(engine)
    indexers = Indexers(pipeline, index)
    indexers.open.set()
    return Rig(pipeline, index, indexers, Judge())
