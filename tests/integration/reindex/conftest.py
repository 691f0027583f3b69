"""The fixture of the re-index's tests."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.index import make_index
from tests.support.pipeline import Pipeline
from tests.support.reindexing import Indexers, Judge, Rig


@pytest.fixture
async def rig(pipeline: Pipeline, engine: AsyncEngine) -> Rig:
    """A store with an empty live version; indexers that work, and a judge to whom every version is as good."""
    index = await make_index(engine)
    indexers = Indexers(pipeline, index)
    indexers.open.set()
    return Rig(pipeline, index, indexers, Judge())
