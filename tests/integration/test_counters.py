"""Counters over all processes: each increment is told its own new value."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts import subjects
from contracts.errors import ErrorCode, PenstockError
from infra.counters import Counters
from infra.publish_acks import PublishAcks
from infra.streams import COUNTERS
from tests.support.pipeline import Pipeline

SUBJECT = subjects.counter("requests.some.1")


@pytest.fixture
async def counters(pipeline: Pipeline) -> AsyncIterator[Counters]:
    acks = PublishAcks(pipeline.client)
    await acks.open()
    yield Counters(acks, pipeline.js, "test")


async def test_a_counter_goes_up_and_down_and_begins_at_nothing(counters: Counters) -> None:
    assert await counters.value(SUBJECT) == 0
    assert await counters.add(SUBJECT, 5) == 5
    assert await counters.add(SUBJECT, -2) == 3
    assert await counters.add(subjects.counter("requests.other.1"), 1) == 1
    assert await counters.value(SUBJECT) == 3


async def test_of_many_increments_at_once_no_two_get_the_same_value(counters: Counters) -> None:
    assert sorted(await asyncio.gather(*(counters.add(SUBJECT, 1) for _ in range(200)))) == list(range(1, 201))


async def test_counters_that_are_not_there_are_said_to_be_unavailable(counters: Counters, pipeline: Pipeline) -> None:
    await pipeline.js.delete_stream(COUNTERS)
    with pytest.raises(PenstockError) as raised:
        await counters.add(SUBJECT, 1)
    assert raised.value.code is ErrorCode.PIPELINE_UNAVAILABLE
