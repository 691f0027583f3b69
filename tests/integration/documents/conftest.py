"""The fixture of the document flow's tests."""

from collections.abc import AsyncIterator

import pytest

from tests.support.documents import Flow, document_flow
from tests.support.pipeline import Pipeline


@pytest.fixture
async def flow(pipeline: Pipeline) -> AsyncIterator[Flow]:
    """Documents, and no store yet."""
    async with document_flow(pipeline) as flow:
        yield flow
