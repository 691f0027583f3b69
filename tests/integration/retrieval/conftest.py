"""The fixture of the tests of searching."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.retrieval import Retrieval


@pytest.fixture
async def retrieval(engine: AsyncEngine) -> AsyncIterator[Retrieval]:
    """Searches and evaluations."""
    retrieval = Retrieval.on(engine)
    yield retrieval
    await retrieval.parts.close()
