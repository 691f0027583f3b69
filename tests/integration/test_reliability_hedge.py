"""Two calls side by side, on real parts: one is heard, both are in the books, whatever happens."""

from pathlib import Path

import pytest
from nats.aio.msg import Msg

from contracts import subjects
from contracts.errors import ErrorCode
from tests.support.killable import killable
from tests.support.pipeline import Pipeline
from tests.support.reliability import (
    INGRESS,
    WORKERS,
    answered,
    ask,
    usage_rows,
    write_reliability_catalog,
)
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """See `tests.support.reliability`."""
    return write_reliability_catalog(tmp_path / "catalog.yaml", simulator)


async def test_where_nothing_is_heard_for_long_a_second_call_answers_and_both_are_in_the_books(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        found = await answered(pipeline, "hedged")
        lost, won = await usage_rows(pipeline, found.request_id, 2)
    assert (found.deployment, found.attempts, found.attempt) == ("spare", 2, None)
    assert (lost["deployment"], lost["attempt"], lost["status"]) == ("tail", 1, "cancelled")
    assert (won["deployment"], won["attempt"], won["status"]) == ("spare", 2, "completed")
    assert lost["idempotency_key"] != won["idempotency_key"]
    await eventually(lambda: simulator.stats()["cancelled"] == 1, what="the slow call was not cut off")


async def test_only_one_of_two_streams_side_by_side_is_heard(pipeline: Pipeline, workers: StartWorkers) -> None:
    heard: list[dict[str, str]] = []

    async def hear(message: Msg) -> None:
        heard.append(message.headers or {})

    await pipeline.client.subscribe(subjects.delta(INGRESS, "*"), cb=hear)
    async with workers(*WORKERS):
        found = await answered(pipeline, "hedged", ingress=INGRESS)
        await usage_rows(pipeline, found.request_id, 2)
        await eventually(lambda: len(heard) == found.deltas)
    assert found.deployment == "spare"
    assert [int(headers["ce-sequence"]) for headers in heard] == list(range(1, found.deltas + 1))
    assert {headers["ce-attempts"] for headers in heard} == {"2"}


async def test_a_caller_that_leaves_ends_both_of_two_calls(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS):
        request_id = await ask(pipeline, "both-hang")
        await eventually(lambda: simulator.stats()["in_flight"] == 2, what="two calls side by side")
        await pipeline.client.publish(subjects.cancel(request_id), b"")
        failure = await eventually(lambda: pipeline.failed(request_id))
        both = await usage_rows(pipeline, request_id, 2)
    assert (failure.error.code, failure.attempts) == (ErrorCode.CANCELLED, 2)
    assert [(row["attempt"], row["status"]) for row in both] == [(1, "cancelled"), (2, "cancelled")]
    assert simulator.stats()["in_flight"] == 0


async def test_both_of_two_calls_in_which_a_worker_died_have_their_row(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    """The journal keeps a request's newest entry alone, so that the second call's names the first one."""
    async with workers("routing"):
        request_id = await ask(pipeline, "both-hang", seconds=20)
        async with killable("provider", pipeline.settings):
            await eventually(lambda: simulator.stats()["in_flight"] == 2, within=20, what="two calls side by side")
        async with workers("provider"):
            both = await usage_rows(pipeline, request_id, 2)
    assert [(row["attempt"], row["status"]) for row in both] == [(1, "interrupted"), (2, "interrupted")]
    assert {row["deployment"] for row in both} == {"hang-1", "hang-2"}
    assert len({row["idempotency_key"] for row in both}) == 2
