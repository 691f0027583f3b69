"""What is taken ahead of need lives for as long as somebody often needs it."""

import asyncio

import pytest

import infra.upkeep
from infra.upkeep import Upkeep


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is behind is done at once."""
    monkeypatch.setattr(infra.upkeep, "BEHIND", 0.0)


async def waiting(upkeep: Upkeep, left: float = 60.0) -> "asyncio.Task[bool]":
    """Somebody who waits for the next use, already."""
    task = asyncio.create_task(upkeep.used_since(upkeep.last, left))
    await asyncio.sleep(0)
    return task


async def test_a_use_wakes_who_waits_for_it():
    upkeep = Upkeep()
    task = await waiting(upkeep)
    assert not task.done()
    upkeep.use()
    assert await task


async def test_a_use_before_anybody_waits_is_not_missed():
    upkeep = Upkeep()
    before = upkeep.last
    upkeep.use()
    assert await upkeep.used_since(before)


async def test_it_ends_at_once_when_it_is_over_and_is_used_no_more():
    upkeep = Upkeep()
    task = await waiting(upkeep)
    upkeep.end()
    assert not await task
    before = upkeep.last
    upkeep.use()
    assert not await upkeep.used_since(before)


async def test_what_ends_while_what_is_behind_waits_is_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(infra.upkeep, "BEHIND", 0.01)
    upkeep = Upkeep()
    task = await waiting(upkeep)
    upkeep.use()
    await asyncio.sleep(0)
    upkeep.end()
    assert not await task


async def test_it_ends_when_nobody_uses_it_for_a_while(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(infra.upkeep, "OFTEN", 0.01)
    upkeep = Upkeep()
    assert not await upkeep.used_since(upkeep.last)


async def test_it_ends_when_its_time_is_over():
    upkeep = Upkeep()
    assert not await upkeep.used_since(upkeep.last, 0.01)
    assert not await upkeep.used_since(upkeep.last, -1.0)
