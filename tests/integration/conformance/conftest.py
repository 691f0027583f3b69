"""The fixtures of the conformance suite: a rig for every worker."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.conformance.cases import CASES, Case
from tests.integration.conformance.rig import Rig
from tests.support.database import Database
from tests.support.pipeline import Pipeline
from tests.support.workers import StartWorkers


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """Every worker in turn; a test that is for some only parametrizes `case` itself."""
    found: Case = request.param
    return found


@pytest.fixture
async def rig(case: Case, pipeline: Pipeline, database: Database, workers: StartWorkers) -> AsyncIterator[Rig]:
    """The case's worker, ready to be started, on an empty pipeline."""
    rig = Rig(case, pipeline, database, workers)
    await rig.prepare()
    yield rig
    await rig.close()
