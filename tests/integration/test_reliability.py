"""Calls that fail, on real parts: what answers instead, what is called how often, and what the caller is told."""

import time
from functools import partial
from pathlib import Path

import pytest

from contracts import subjects
from contracts.errors import ErrorCode
from contracts.subjects import Lane
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.reliability import (
    GOOD,
    INGRESS,
    WORKERS,
    answered,
    ask,
    refused,
    write_reliability_catalog,
)
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers
from workers.provider.breaker import STREAK
from workers.provider.retry_budget import RESERVE, SECONDS, SHARE


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """See `tests.support.reliability`."""
    return write_reliability_catalog(tmp_path / "catalog.yaml", simulator)


async def test_the_answer_comes_from_the_fallback_with_at_most_two_calls_and_then_with_one(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    """The bar of the issue: the primary answers every call with 500."""
    async with workers(*WORKERS):
        found = [await answered(pipeline, "down") for _ in range(20)]
    assert {(answer.deployment, answer.model) for answer in found} == {("good", "down")}
    assert [answer.attempts for answer in found] == [2] * STREAK + [1] * (20 - STREAK)
    assert simulator.stats()["by_model"] == {"sim-error-500@tokens=6": STREAK, GOOD: 20}


async def test_a_deployment_that_answers_again_is_called_again(
    pipeline: Pipeline, workers: StartWorkers, log: RecordedLog, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        for _ in range(STREAK):
            assert (await answered(pipeline, "mending")).deployment == "good"
        (line,) = log.events("breaker_opened")
        assert (line["deployment"], line["reason"], line["level"]) == ("mending", "failures", "warning")

        async def back() -> bool:
            return (await answered(pipeline, "mending")).deployment == "mending"

        await eventually(back, within=20, what="the deployment was not called again")
        assert len(log.events("breaker_closed")) == 1
        assert [(await answered(pipeline, "mending")).attempts for _ in range(3)] == [1, 1, 1]
    assert simulator.stats()["by_model"]["sim-error-500@times=5"] == STREAK + 4


async def test_refused_credentials_are_tried_once_and_told_to_operators_and_not_to_callers(
    pipeline: Pipeline, workers: StartWorkers, log: RecordedLog, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        first, second = await refused(pipeline, "refused"), await refused(pipeline, "refused")
        other = await answered(pipeline, "refused-then-good")
        again = await answered(pipeline, "refused-then-good")
    for failure, attempts in ((first, 1), (second, 0)):
        assert (failure.error.code, failure.attempts) == (ErrorCode.PROVIDER_ERROR, attempts)
        assert failure.error.message == "the provider outside refused our credentials"
    assert second.error.retry_after is not None
    assert 0 < second.error.retry_after <= 30
    assert [(answer.deployment, answer.attempts) for answer in (other, again)] == [("good", 2), ("good", 1)]
    assert simulator.stats()["by_model"]["sim-error-401@tokens=6"] == 1
    lines = log.events("provider_refused_credentials")
    assert [(line["deployment"], line["level"]) for line in lines] == [("refused", "error"), ("refused-2", "error")]


@pytest.mark.parametrize("model", ["hanging", "overloaded", "unreachable"])
async def test_a_timeout_a_rate_limit_and_a_closed_port_go_on_to_the_fallback(
    pipeline: Pipeline, workers: StartWorkers, model: str
) -> None:
    async with workers(*WORKERS):
        found = await answered(pipeline, model)
    assert (found.deployment, found.attempts) == ("good", 2)


async def test_a_stream_that_does_not_begin_in_time_comes_from_the_fallback(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    deltas = await pipeline.client.subscribe(subjects.delta(INGRESS, "*"))
    async with workers(*WORKERS):
        found = await answered(pipeline, "silent", ingress=INGRESS)
    assert (found.deployment, found.attempts) == ("good", 2)
    first = await deltas.next_msg(timeout=5)
    assert first.headers is not None
    assert (first.headers["ce-deployment"], first.headers["ce-attempts"]) == ("good", "2")


async def test_a_deployment_at_its_rate_limit_is_left_alone_for_as_long_as_it_asked(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, log: RecordedLog
) -> None:
    async with workers(*WORKERS):
        found = [await answered(pipeline, "overloaded") for _ in range(8)]
    assert [answer.attempts for answer in found] == [2] + [1] * 7
    assert simulator.stats()["by_model"]["sim-error-429@retry=30"] == 1
    assert not log.events("breaker_opened"), "a rate limit is no failure"


async def test_what_the_caller_asked_wrongly_is_not_asked_elsewhere(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        found = [await refused(pipeline, "mistaken") for _ in range(STREAK + 2)]
    assert {(failure.error.code, failure.attempts) for failure in found} == {(ErrorCode.INVALID_REQUEST, 1)}
    assert GOOD not in simulator.stats()["by_model"]


@pytest.mark.parametrize(
    ("model", "code"), [("cut", ErrorCode.PROVIDER_ERROR), ("stalling", ErrorCode.PROVIDER_UNAVAILABLE)]
)
async def test_nothing_else_is_called_once_the_first_token_is_out(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, model: str, code: ErrorCode
) -> None:
    async with workers(*WORKERS):
        failure = await refused(pipeline, model, ingress=INGRESS)
    assert (failure.error.code, failure.attempts) == (code, 1)
    assert failure.deltas > 0
    assert GOOD not in simulator.stats()["by_model"]


async def test_of_an_answer_that_nobody_has_seen_another_one_may_be_had(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    async with workers(*WORKERS):
        found = await answered(pipeline, "cut")
    assert (found.deployment, found.attempts) == ("good", 2)


async def test_in_an_outage_retries_stay_a_tenth_of_the_traffic(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    """Each request asks for a model of its own, so that no breaker opens before the budget is needed."""
    requests, began = 200, time.monotonic()
    async with workers(*WORKERS):
        asked = [await ask(pipeline, f"sim-error-500@tokens={number + 1}") for number in range(requests)]
        failed = [await eventually(partial(pipeline.failed, request_id), within=30) for request_id in asked]
    windows = 1 + (time.monotonic() - began) / SECONDS
    calls = simulator.stats()["calls"]
    assert requests < calls <= requests + SHARE * requests + RESERVE * windows
    assert sum(failure.attempts for failure in failed) == calls
    assert {failure.error.code for failure in failed} == {ErrorCode.PROVIDER_ERROR}


async def test_where_nothing_may_be_called_the_request_fails_at_once_and_says_when_to_try_again(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        found = [await refused(pipeline, "sim-error-500") for _ in range(4)]
    assert [failure.attempts for failure in found] == [3, 2, 0, 0]
    codes = [failure.error.code for failure in found]
    assert codes == [ErrorCode.PROVIDER_ERROR] * 2 + [ErrorCode.PROVIDER_UNAVAILABLE] * 2
    assert found[-1].error.retry_after is not None
    assert 0 < found[-1].error.retry_after <= 5
    assert simulator.stats()["calls"] == STREAK


async def test_bulk_work_waits_for_a_deployment_that_people_are_told_to_try_again_later(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        for _ in range(2):
            await refused(pipeline, "sim-error-500@times=5")
        person = await refused(pipeline, "sim-error-500@times=5")
        bulk = await answered(pipeline, "sim-error-500@times=5", lane=Lane.BATCH)
    assert person.error.code == ErrorCode.PROVIDER_UNAVAILABLE
    assert (bulk.deployment, bulk.attempts) == ("any", 1)
