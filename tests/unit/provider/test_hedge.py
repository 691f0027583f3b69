"""Two calls side by side: the first to say something is heard, the other one is stopped, and both come to their end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from workers.provider.hedge import Lane, hedged
from workers.provider.said import Send

SOON, NEVER = 0.001, 60.0


@dataclass(slots=True)
class Call:
    """A call that ends when it is told to: with an answer, without one, or because it was stopped."""

    name: str
    heard: list[Any] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    ended: str = ""
    answers: bool = True
    send: Send | None = None

    async def __call__(self, lane: Lane) -> str:
        self.send = lane.heard(self._hear)
        task = asyncio.create_task(self._until_the_end())
        with lane.stop.ends(task):
            self.begun.set()
            try:
                await task
                self.ended = "answered" if self.answers else "failed"
            except asyncio.CancelledError:
                if not lane.stop.given:
                    raise
                self.ended = "stopped"
        if self.ended == "answered":
            lane.won()
        return self.name

    async def _until_the_end(self) -> None:
        await self.ending.wait()

    async def _hear(self, event: dict[str, Any]) -> None:
        self.heard.append(event)

    async def says(self, event: dict[str, Any]) -> None:
        await self.begun.wait()
        assert self.send is not None
        await self.send(event)


@pytest.fixture
def one() -> Call:
    return Call("one")


@pytest.fixture
def two() -> Call:
    return Call("two")


def race(
    one: Callable[[Lane], Awaitable[str]], two: Callable[[Lane], Awaitable[str | None]], after: float
) -> "asyncio.Task[tuple[str, str | None]]":
    return asyncio.create_task(hedged(one, two, after))


async def test_a_first_call_that_ends_in_time_has_no_second_beside_it(one: Call, two: Call):
    task = race(one, two, NEVER)
    one.ending.set()
    assert await task == ("one", None)
    assert not two.begun.is_set()


async def test_a_first_call_that_has_begun_to_speak_has_none_either(one: Call, two: Call):
    task = race(one, two, NEVER)
    await one.says({"token": 1})
    await asyncio.sleep(0)
    one.ending.set()
    assert await task == ("one", None)
    assert (one.heard, two.begun.is_set()) == ([{"token": 1}], False)


async def test_a_second_call_is_made_where_nothing_is_heard_for_long_and_wins_where_it_answers_first(
    one: Call, two: Call
):
    task = race(one, two, SOON)
    await two.begun.wait()
    two.ending.set()
    assert await task == ("two", "one")
    assert (one.ended, two.ended) == ("stopped", "answered")


async def test_the_first_call_can_still_win(one: Call, two: Call):
    task = race(one, two, SOON)
    await two.begun.wait()
    one.ending.set()
    assert await task == ("one", "two")
    assert (one.ended, two.ended) == ("answered", "stopped")


async def test_only_the_one_that_spoke_first_is_heard(one: Call, two: Call):
    task = race(one, two, SOON)
    await two.says({"token": 2})
    await one.says({"token": 1})
    await two.says({"token": 3})
    two.ending.set()
    assert await task == ("two", "one")
    assert (one.heard, two.heard, one.ended) == ([], [{"token": 2}, {"token": 3}], "stopped")


async def test_where_one_fails_the_other_is_waited_for(one: Call, two: Call):
    one.answers = False
    task = race(one, two, SOON)
    await two.begun.wait()
    one.ending.set()
    await asyncio.sleep(0)
    assert not task.done()
    two.ending.set()
    assert await task == ("two", "one")


async def test_where_both_fail_it_is_the_first_ones_end(one: Call, two: Call):
    one.answers = two.answers = False
    task = race(one, two, SOON)
    await two.begun.wait()
    two.ending.set()
    one.ending.set()
    assert await task == ("one", "two")


async def test_where_no_second_call_may_be_made_the_first_goes_on_alone(one: Call):
    asked = asyncio.Event()

    async def none(_: Lane) -> None:
        asked.set()

    task = race(one, none, SOON)
    await asked.wait()
    one.ending.set()
    assert await task == ("one", None)


async def test_whoever_cancels_the_race_cancels_both(one: Call, two: Call):
    task = race(one, two, SOON)
    await two.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one.ended, two.ended) == ("", "")


async def test_a_bug_in_one_ends_the_other(one: Call):
    async def broken(_: Lane) -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await race(one, broken, SOON)
    assert one.ended == ""
