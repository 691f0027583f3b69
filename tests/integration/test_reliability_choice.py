"""Which deployment is called, on real parts: the faster one, by weight, within its limits, never one outside."""

from pathlib import Path

import pytest

from contracts.errors import ErrorCode
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.reliability import (
    WORKERS,
    all_answered,
    answered,
    refused,
    write_reliability_catalog,
)
from tests.support.simulator import Simulator
from tests.support.workers import StartWorkers
from workers.provider.breaker import STREAK


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """See `tests.support.reliability`."""
    return write_reliability_catalog(tmp_path / "catalog.yaml", simulator)


async def test_the_faster_of_two_gets_the_calls(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        for _ in range(30):
            await answered(pipeline, "two-speeds")
    # Until both are measured it is a matter of luck; then the slow one is left alone.
    assert simulator.stats()["by_model"]["sim-small@latency=1"] >= 20


async def test_a_deployment_has_no_more_calls_open_than_it_may(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        await all_answered(pipeline, "narrow", 10)
    stats = simulator.stats()
    assert (stats["calls"], stats["max_in_flight"]) == (10, 2)


async def test_a_prompt_that_may_not_leave_the_house_does_not_leave_it_in_failover_either(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        local = [await answered(pipeline, "house", residency="local") for _ in range(STREAK + 2)]
        nowhere = await refused(pipeline, "good", residency="local")
    assert {answer.deployment for answer in local} == {"too-inside"}
    assert (nowhere.error.code, nowhere.attempts) == (ErrorCode.RESIDENCY_UNAVAILABLE, 0)
    assert simulator.stats()["by_model"].keys() == {"sim-error-500@tokens=22", "sim-small@tokens=24"}


LONG_PROMPT = "word " * 400


@pytest.mark.parametrize(("model", "attempts"), [("short", 2), ("known-short", 1)])
async def test_a_prompt_that_is_too_long_goes_to_a_model_that_takes_it(
    pipeline: Pipeline, workers: StartWorkers, model: str, attempts: int
) -> None:
    async with workers(*WORKERS):
        found = await answered(pipeline, model, content=LONG_PROMPT)
        brief = await answered(pipeline, model)
    assert (found.deployment, found.attempts, found.model) == ("long", attempts, model)
    assert brief.deployment != "long"


async def test_a_prompt_that_is_too_long_for_all_is_the_callers_to_shorten(
    pipeline: Pipeline, workers: StartWorkers, log: RecordedLog
) -> None:
    async with workers(*WORKERS):
        found = [await refused(pipeline, "too-short", content=LONG_PROMPT) for _ in range(STREAK + 1)]
    codes = {(failure.error.code, failure.attempts) for failure in found}
    assert codes == {(ErrorCode.CONTEXT_LENGTH_EXCEEDED, 1)}
    assert not log.events("breaker_opened")
