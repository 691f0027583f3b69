"""The fixtures of the document flow's tests."""

from collections.abc import AsyncIterator

import pytest

from infra.database.engine import create_engine
from tests.support.cut_documents import CutDocuments
from tests.support.pipeline import Pipeline


@pytest.fixture
async def flow(pipeline: Pipeline) -> AsyncIterator[CutDocuments]:
    """Documents that are chunked, on an empty pipeline and an empty database."""
    engine = create_engine(pipeline.settings, pool_size=2)
    yield CutDocuments(pipeline, engine)
    await engine.dispose()
