"""Limits over all processes, on real counters: exactly as many calls pass as may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import nats
import pytest

from contracts.errors import ErrorCode
from contracts.inference import InferenceFailed
from infra.counters import Counters
from infra.limits.counted import Kind
from infra.limits.windows import Windows
from infra.publish_acks import PublishAcks
from infra.streams import COUNTERS
from tests.support.limits import counted
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.plans import option
from tests.support.reliability import (
    WORKERS,
    ask,
    write_reliability_catalog,
)
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers
from workers.provider.rate_limits import Full, RateLimits, Reservation


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """See `tests.support.reliability`."""
    return write_reliability_catalog(tmp_path / "catalog.yaml", simulator)


async def test_two_workers_together_make_no_more_calls_a_minute_than_a_deployment_may_take(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator
) -> None:
    async with workers(*WORKERS), workers("provider"):
        asked = await asyncio.gather(*(ask(pipeline, "limited") for _ in range(12)))
        ended = [await eventually(partial(pipeline.terminals, request_id), within=15) for request_id in asked]
    assert simulator.stats()["by_model"] == {"sim-small@tokens=3": 2}
    failures = [InferenceFailed.model_validate_json(end.body) for (end,) in ended if ".failed." in end.subject]
    assert [failure.error.code for failure in failures] == [ErrorCode.RATE_LIMITED] * 10
    assert all(failure.error.retry_after and failure.error.retry_after <= 120 for failure in failures)


NOW = 1_700_000_000.0
LIMITED = option("a/limited", requests_per_minute=25, tokens_per_minute=1000).deployment


@asynccontextmanager
async def limits(pipeline: Pipeline, log: RecordedLog, clock: list[float]) -> AsyncIterator[RateLimits]:
    """A process's limits, on a connection of its own; the clock's only entry is the time."""
    client = await nats.connect(pipeline.settings.nats_url.unicode_string())
    acks = PublishAcks(client)
    await acks.open()
    counters = Counters(acks, client.jetstream(timeout=5), "test")
    yield RateLimits(Windows(counters, clock=lambda: clock[0]), log.logger)
    await client.close()


async def reserve(of: RateLimits, count: int, tokens: int = 1) -> list[Reservation | Full]:
    return list(await asyncio.gather(*(of.reserve(LIMITED, tokens) for _ in range(count))))


def passed(found: list[Reservation | Full]) -> int:
    return sum(isinstance(one, Reservation) for one in found)


async def test_of_many_calls_in_many_processes_exactly_as_many_pass_as_may(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    clock = [NOW]
    async with limits(pipeline, log, clock) as one, limits(pipeline, log, clock) as other:
        both = await asyncio.gather(reserve(one, 40), reserve(other, 40))
        assert passed([*both[0], *both[1]]) == 25
        # The window slides: within sixty seconds nothing more passes, and after sixty-five all of it may again.
        clock[0] += 60
        assert passed(await reserve(one, 40)) == 0
        clock[0] += 5
        both = await asyncio.gather(reserve(one, 40), reserve(other, 40))
        assert passed([*both[0], *both[1]]) == 25


async def test_tokens_are_limited_as_requests_are_and_corrected_when_the_call_has_ended(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    clock = [NOW]
    async with limits(pipeline, log, clock) as one, limits(pipeline, log, clock) as other:
        (first,) = await reserve(one, 1, tokens=900)
        assert isinstance(first, Reservation)
        (full,) = await reserve(other, 1, tokens=200)
        assert isinstance(full, Full)
        assert not full.everybody, "a shorter prompt would pass"
        await one.correct(first, 500)
        clock[0] += 0.2
        assert passed(await reserve(other, 1, tokens=200)) == 1
        assert passed(await reserve(other, 1, tokens=400)) == 0


async def test_a_call_that_may_not_be_made_leaves_no_trace_in_the_counters(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    async with limits(pipeline, log, [NOW]) as one:
        assert passed(await reserve(one, 10, tokens=5000)) == 1
        assert passed(await reserve(one, 24)) == 0
    assert (await counted(pipeline, Kind.REQUESTS), await counted(pipeline, Kind.TOKENS)) == (1, 1000)


async def test_a_call_is_made_where_nobody_can_count(pipeline: Pipeline, log: RecordedLog) -> None:
    await pipeline.js.delete_stream(COUNTERS)
    async with limits(pipeline, log, [NOW]) as one:
        assert passed(await reserve(one, 30)) == 30
    assert len(log.events("rate_limits_unreachable")) == 1
