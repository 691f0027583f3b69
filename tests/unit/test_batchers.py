"""Batches: what is written together, how long it waits for company, and who fails alone."""

import asyncio
from typing import Any

import pytest

from contracts.subjects import Lane
from infra.database.batches import Batcher
from infra.dispatch.courtesy import Courtesy
from workers.batchers import Batchers
from workers.late import Late

NEVER = 3600.0


class Writes:
    """What was written at once, each time."""

    def __init__(self) -> None:
        self.batches: list[Any] = []

    async def __call__(self, items: list[str]) -> None:
        self.batches.append(items)

    async def of_kind(self, kind: str, items: list[str]) -> None:
        if "bad" in items:
            raise ValueError(kind)
        self.batches.append((kind, items))


async def test_a_batch_is_written_when_it_is_full_however_long_it_may_wait():
    writes = Writes()
    batcher = Batcher(writes, 3, NEVER, longest=NEVER)
    await asyncio.gather(*(batcher.add(item) for item in "abcdef"))
    assert writes.batches == [["a", "b", "c"], ["d", "e", "f"]]


async def test_what_keeps_coming_is_collected_until_it_has_waited_longest():
    writes = Writes()
    batcher = Batcher(writes, 1000, 0.05, longest=0.3)
    loop = asyncio.get_running_loop()
    until, adding = loop.time() + 0.25, []
    while loop.time() < until:
        adding.append(asyncio.create_task(batcher.add("more")))
        await asyncio.sleep(0.005)
    await asyncio.gather(*adding)
    assert len(writes.batches) <= 3


async def test_one_that_stays_alone_waits_no_longer_than_for_the_next():
    writes = Writes()
    batcher = Batcher(writes, 1000, 0.01, longest=NEVER)
    async with asyncio.timeout(5):
        await batcher.add("alone")
    assert writes.batches == [["alone"]]


async def test_items_of_one_kind_and_lane_are_written_together():
    writes = Writes()
    batchers = Batchers[str, str](writes.of_kind, 100, 0.01, Courtesy())
    people, bulk = Lane.INTERACTIVE, Lane.BATCH
    given = [("x", people, "1"), ("y", people, "2"), ("x", people, "3"), ("x", bulk, "4")]
    await asyncio.gather(*(batchers.add(*each) for each in given))
    assert sorted(writes.batches) == [("x", ["1", "3"]), ("x", ["4"]), ("y", ["2"])]


async def test_one_that_cannot_be_written_fails_alone_and_its_kind_goes_on():
    writes = Writes()
    batchers = Batchers[str, str](writes.of_kind, 100, 0.01, Courtesy())
    ends = await asyncio.gather(*(batchers.add("x", Lane.BATCH, item) for item in ("a", "bad")), return_exceptions=True)
    await batchers.add("x", Lane.BATCH, "b")
    assert [type(end) for end in ends] == [type(None), ValueError]
    assert writes.batches == [("x", ["a"]), ("x", ["b"])]


async def test_what_is_made_late_is_made_once_and_again_where_that_failed():
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        if len(made) == 1:
            raise ValueError("not yet")
        return made[-1]

    late = Late(make)
    waiting = asyncio.create_task(late.wanted())
    with pytest.raises(ValueError, match="not yet"):
        await late.get()
    assert await asyncio.gather(late.get(), late.get(), waiting) == [1, 1, 1]
    assert made == [0, 1]
