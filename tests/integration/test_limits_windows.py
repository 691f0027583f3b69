"""Windows over all processes, on real counters: exactly as much passes as may, whatever comes between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from infra.counters import Addition, Counters, Increment
from infra.limits.counted import Asked, Full, Kind, Passed, unpacked
from infra.limits.window import BUCKET
from infra.limits.windows import Windows
from infra.streams import COUNTERS
from tests.support.ahead import counters_on
from tests.support.clock import Clock
from tests.support.pipeline import Pipeline

NOW = 1_700_000_002.0
KEY, TENANT = Asked("minute.key", Kind.REQUESTS, 1, 30), Asked("minute.tenant", Kind.REQUESTS, 1, 40)


def tokens(amount: int, limit: int) -> Asked:
    return Asked("minute.tenant", Kind.TOKENS, amount, limit)


class Late(Counters):
    """A process that is stopped between looking at its clock and being counted."""

    clock: Clock[float]
    by: float = 0.0

    async def add_all(self, additions: Sequence[Addition]) -> list[Increment]:
        self.clock.now += self.by
        self.by = 0.0
        return await super().add_all(additions)


@asynccontextmanager
async def processes(
    pipeline: Pipeline, *clocks: Clock[float], kind: type[Counters] = Counters
) -> AsyncIterator[list[Windows]]:
    """A process for each clock, on connections of their own."""
    async with AsyncExitStack() as stack:
        made = []
        for clock in clocks:
            _, counters = await counters_on(stack, pipeline, kind)
            if isinstance(counters, Late):
                counters.clock = clock
            made.append(Windows(counters, clock))
        yield made


def passed(found: list[Passed | Full]) -> int:
    return sum(isinstance(one, Passed) for one in found)


async def value(pipeline: Pipeline, name: str, kind: Kind = Kind.REQUESTS) -> int:
    """What all buckets of a counter hold of a kind together."""
    last = {message.subject: int(message.json()["val"]) for message in await pipeline.stored(COUNTERS)}
    return sum(unpacked(kind, count) for subject, count in last.items() if f".{name}." in subject)


async def test_of_two_limits_the_smaller_lets_through_exactly_what_it_may_and_the_larger_is_charged_that(
    pipeline: Pipeline,
) -> None:
    async with processes(pipeline, Clock(NOW), Clock(NOW)) as both:
        asked = [both[n % 2].count((KEY, TENANT), f"r{n}") for n in range(100)]
        assert passed(list(await asyncio.gather(*asked))) == 30
        assert await value(pipeline, "minute.tenant") == 30
        # What was refused for the key's sake has taken nothing from the rest of the tenant.
        others = [both[n % 2].count((TENANT,), f"other{n}") for n in range(30)]
        assert passed(list(await asyncio.gather(*others))) == 10


async def test_what_is_too_large_keeps_nothing_out_that_fits(pipeline: Pipeline) -> None:
    small, large = tokens(10, 1000), tokens(900, 1000)
    async with processes(pipeline, Clock(NOW), Clock(NOW)) as both:
        await both[0].count((tokens(500, 1000),), "first")
        asked = [both[n % 2].count((large if n < 10 else small,), f"r{n}") for n in range(60)]
        found = list(await asyncio.gather(*asked))
    assert passed(found[:10]) == 0
    assert passed(found[10:]) == 50


async def test_requests_and_tokens_of_one_counter_have_limits_of_their_own_and_are_refused_together(
    pipeline: Pipeline,
) -> None:
    async with processes(pipeline, Clock(NOW), Clock(NOW)) as both:
        asked = [both[n % 2].count((TENANT, tokens(100, 1000)), f"r{n}") for n in range(30)]
        found = await asyncio.gather(*asked)
        assert passed(list(found)) == 10
        refusal = next(one for one in found if isinstance(one, Full))
        assert refusal.refused == {1}
        # No request was taken for one whose tokens did not fit: of forty, thirty are left.
        others = [both[n % 2].count((TENANT,), f"other{n}") for n in range(50)]
        assert passed(list(await asyncio.gather(*others))) == 30
    assert await value(pipeline, "minute.tenant") == 40
    assert await value(pipeline, "minute.tenant", Kind.TOKENS) == 1000


@pytest.mark.parametrize("now", [NOW, NOW // 60 * 60 + 4.999])
async def test_a_message_that_is_handled_again_counts_once_whenever_that_is(pipeline: Pipeline, now: float) -> None:
    clock = Clock(now)
    async with processes(pipeline, clock, clock) as both:
        assert passed([await both[0].count((KEY, TENANT), f"r{n}") for n in range(30)]) == 30
        clock.now += BUCKET
        again = [await both[1].count((KEY, TENANT), f"r{n}") for n in range(30)]
        assert passed(again) == 30
        assert isinstance(await both[1].count((KEY, TENANT), "another"), Full)
    assert await value(pipeline, "minute.key") == 30


async def test_processes_in_two_buckets_see_each_other(pipeline: Pipeline) -> None:
    border = NOW // BUCKET * BUCKET + BUCKET
    before, after = Clock(border - 0.01), Clock(border + 0.01)
    async with processes(pipeline, before, after) as both:
        asked = [both[n % 2].count((KEY,), f"r{n}") for n in range(80)]
        assert passed(list(await asyncio.gather(*asked))) == 30


async def test_what_reaches_its_counter_when_its_bucket_is_over_is_counted_again(pipeline: Pipeline) -> None:
    clock, other = Clock(NOW), Clock(NOW + BUCKET)
    async with processes(pipeline, clock, kind=Late) as (late,), processes(pipeline, other) as (punctual,):
        # Somebody has looked at the bucket, and found it empty.
        assert passed([await punctual.count((KEY,), f"p{n}") for n in range(30)]) == 30
        late._counters.by = BUCKET  # type: ignore[attr-defined]
        assert isinstance(await late.count((KEY,), "late"), Full)
    assert await value(pipeline, "minute.key") == 30


async def test_a_correction_counts_in_the_bucket_of_what_it_corrects(pipeline: Pipeline) -> None:
    clock = Clock(NOW)
    all_of_it, half = tokens(1000, 1000), tokens(500, 1000)
    async with processes(pipeline, clock, clock) as (one, other):
        first = await one.count((all_of_it,), "first")
        assert isinstance(first, Passed)
        clock.now += 30
        refused = await other.count((half,), "second")
        assert isinstance(refused, Full)
        assert refused.seconds == pytest.approx(33)
        for _ in range(2):
            await one.correct(first.entries[0].subject, -500, "first.used")
        clock.now += 1
        assert isinstance(await other.count((half,), "third"), Passed)
        # The first's half leaves when it would have; what is corrected later than that has left already.
        clock.now = NOW + 64
        assert isinstance(await other.count((half,), "fourth"), Passed)
        await one.correct(first.entries[0].subject, 10_000, "first.late")
        assert isinstance(await other.count((tokens(1, 1001),), "fifth"), Passed)


async def test_the_room_that_is_left_and_the_time_until_all_of_it_is_back_are_told(pipeline: Pipeline) -> None:
    async with processes(pipeline, Clock(NOW)) as (one,):
        await one.count((KEY,), "first")
        found = await one.count((KEY,), "second")
    assert found.standings[0] is not None
    assert (found.standings[0].limit, found.standings[0].remaining) == (30, 28)
    assert found.standings[0].reset == pytest.approx(63)
