"""The calls that a deployment may have open: never more than its limit, and who waits comes first."""

import asyncio

import pytest

from workers.provider.slots import Slots, first_free


def taken(count: int) -> Slots:
    slots = Slots()
    for _ in range(count):
        slots.take()
    return slots


async def waiting(*busy: Slots, patience: float | None = 5.0) -> "asyncio.Task[Slots]":
    """Somebody who waits, and has begun to."""
    task = asyncio.create_task(first_free(busy, patience))
    await asyncio.sleep(0)
    return task


def test_there_is_room_below_the_limit_and_always_without_one():
    assert taken(1).has_room(2)
    assert not taken(2).has_room(2)
    assert taken(1000).has_room(None)


async def test_a_place_that_comes_free_is_handed_over():
    slots = taken(2)
    task = await waiting(slots)
    slots.release()
    assert await task is slots
    assert slots.in_flight == 2


async def test_whoever_comes_first_goes_first_and_nobody_gets_in_between():
    slots = taken(1)
    first, second = await waiting(slots), await waiting(slots)
    slots.release()
    assert await first is slots
    assert not second.done()
    slots.release()
    assert not slots.has_room(1), "a newcomer would overtake the one who waits"
    assert await second is slots


async def test_the_first_of_several_to_come_free_is_taken_and_no_other():
    one, other = taken(1), taken(1)
    task = await waiting(one, other)
    other.release()
    assert await task is other
    one.release()
    assert (one.in_flight, other.in_flight) == (0, 1)


async def test_patience_ends():
    slots = taken(1)
    with pytest.raises(TimeoutError):
        await first_free([slots], 0.01)
    slots.release()
    assert slots.in_flight == 0
    assert slots.has_room(1)


async def test_a_place_that_is_handed_to_somebody_who_leaves_at_that_moment_is_not_lost():
    slots = taken(1)
    task = await waiting(slots)
    slots.release()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slots.in_flight == 0


async def test_it_goes_on_to_the_next_when_the_one_it_was_handed_to_leaves():
    slots = taken(1)
    leaving, staying = await waiting(slots), await waiting(slots)
    slots.release()
    leaving.cancel()
    assert await staying is slots
    assert slots.in_flight == 1
