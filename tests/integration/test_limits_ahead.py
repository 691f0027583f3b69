"""Places taken ahead, on real counters: exactly as much passes as may, whoever holds places that nobody needs."""

import asyncio
import gc
from functools import partial

import pytest

from contracts import subjects
from infra.limits.counted import Asked, Full, Kind, Passed
from infra.limits.places import LOT
from infra.limits.window import BUCKET
from tests.support.ahead import NOW, TENANT, Process, processes
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually

KEYS = Asked("places.key", Kind.REQUESTS, 1, 100_000)


def requests(limit: int) -> Asked:
    return Asked(TENANT, Kind.REQUESTS, 1, limit)


def tokens(amount: int, limit: int) -> Asked:
    return Asked(TENANT, Kind.TOKENS, amount, limit)


def all_passed(*of: Process) -> int:
    return sum(len(one.passed) for one in of)


async def test_exactly_the_limit_passes_while_another_process_holds_places(pipeline: Pipeline) -> None:
    of = (requests(300), KEYS)
    async with processes(pipeline, "abc") as (a, b, c):
        await a.warm_up(of)
        await b.warm_up(of)
        assert await a.held() == 2 * LOT
        await c.ask_until_refused(of)
        assert all_passed(a, b, c) == 300
        # Nobody has room any more, whatever he had.
        assert isinstance(await a.ask(of), Full)
        assert isinstance(await b.ask(of), Full)
        assert (await c.counted(), await c.held()) == (300, 0)


async def test_exactly_the_limit_passes_of_many_that_ask_one_by_one_and_at_once(pipeline: Pipeline) -> None:
    of = (requests(300), tokens(7, 1_000_000))
    async with processes(pipeline, "abc") as (a, b, c):
        await a.warm_up(of)
        asking = [one.ask_until_refused(of) for one in (a, a, b, b, c)]
        at_once = [one.ask(of) for one in (a, b, c) for _ in range(20)]
        await asyncio.gather(*asking, *at_once)
        assert all_passed(a, b, c) == 300
        await eventually(c.none_is_held, what="places were not handed back")
        assert (await c.counted(), await c.counted(Kind.TOKENS)) == (300, 7 * 300)


async def test_exactly_the_limit_passes_when_five_seconds_are_over_in_between(pipeline: Pipeline) -> None:
    of = (requests(300), KEYS)
    async with processes(pipeline, "ab") as (a, b):
        await a.warm_up(of)
        a.clock.now += BUCKET
        # The places that are left belong to a bucket that is over.
        await a.ask(of)
        assert await a.counted() == 1
        await eventually(partial(b.none_is_held, NOW), what="the bucket that is over has places yet")
        assert await a.counted(at=NOW) == 3
        await a.warm_up(of)
        await asyncio.gather(a.ask_until_refused(of), b.ask_until_refused(of))
        assert all_passed(a, b) == 300


async def test_close_to_the_end_of_five_seconds_nothing_is_taken_and_right_after_it_again(pipeline: Pipeline) -> None:
    of = (requests(1000), KEYS)
    wrong: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    async with processes(pipeline, "a") as (a,):
        a.clock.now = end = NOW // BUCKET * BUCKET + BUCKET - 0.1

        async def asks_often() -> bool:
            await a.ask(of)
            return a.asked > 8

        async def has_some() -> bool:
            await a.ask(of)
            return await a.held() > 0

        await eventually(asks_often)
        assert (await a.counted(), await a.held()) == (a.asked, 0)
        a.clock.now += 0.2
        await eventually(has_some, what="no places were taken")
        await a.ahead.close()
        assert await a.counted(at=end) + await a.counted() == a.asked
    gc.collect()
    assert not wrong


async def test_what_nobody_asks_for_any_more_is_handed_back(pipeline: Pipeline) -> None:
    of = (requests(1000), tokens(50, 100_000))
    async with processes(pipeline, "a") as (a,):
        await a.warm_up(of)
        await eventually(a.none_is_held, within=20, what="places were not handed back")
        assert (await a.counted(), await a.counted(Kind.TOKENS)) == (3, 150)


async def test_who_ends_hands_back_all_and_takes_no_more(pipeline: Pipeline) -> None:
    of = (requests(1000), KEYS)
    async with processes(pipeline, "a") as (a,):
        await a.warm_up(of)
        await a.ahead.close()
        assert (await a.counted(), await a.held()) == (3, 0)
        await a.ask(of)
        await a.ask(of)
        await a.ahead.close()
        assert (await a.counted(), await a.held()) == (5, 0)


async def test_a_process_that_is_killed_costs_its_places_at_most_and_is_waited_for_once(pipeline: Pipeline) -> None:
    of = (requests(150), KEYS)
    async with processes(pipeline, "ab") as (a, b):
        recalls: list[bytes] = []

        async def heard(message: object) -> None:
            recalls.append(b"")

        await pipeline.client.subscribe(subjects.places_recalled(), cb=heard)
        await a.warm_up(of)
        await a.client.close()
        began = asyncio.get_running_loop().time()
        await b.ask_until_refused(of)
        assert asyncio.get_running_loop().time() - began >= 0.5
        assert 150 - LOT < all_passed(a, b) < 150
        assert await b.held() > 0
        recalls.clear()
        # What was seen is believed for a tenth of a second, and then asked for with less patience.
        await b.ask(of)
        await pipeline.client.flush()
        assert not recalls
        b.clock.now += 0.2
        await b.ask(of)
        await pipeline.client.flush()
        assert 1 <= len(recalls) <= 3
        assert len(b.refused) == 3


async def test_places_that_were_believed_lost_are_recalled_from_who_has_as_many_later(pipeline: Pipeline) -> None:
    small = (requests(1000), tokens(10, 3000))
    async with processes(pipeline, "ab", deaf="a") as (a, b):
        await a.warm_up(small)
        assert isinstance(await b.ask((requests(1000), tokens(3000 - 30, 3000))), Full)
        await a.ahead.close()
        async with processes(pipeline, "c") as (c,):
            await c.warm_up(small)
            assert await b.held() == LOT

            async def passes() -> bool:
                # What was seen is believed for a tenth of a second.
                b.clock.now += 0.2
                return isinstance(await b.ask((requests(1000), tokens(3000 - 60, 3000))), Passed)

            await eventually(passes, what="as many places as were lost once stood in the way")


async def test_a_message_that_is_handled_again_by_the_same_process_counts_once(pipeline: Pipeline) -> None:
    of = (requests(1000), KEYS)
    async with processes(pipeline, "a") as (a,):
        first = await a.ask(of, "first")
        await a.warm_up(of)
        given = await a.ask(of, "given")
        for _ in range(2):
            assert await a.ask(of, "first") == first
            assert await a.ask(of, "given") == given
        # Somebody has set another limit meanwhile: it is told of that one, and the counters know the message.
        fewer = (requests(500), KEYS)
        again = await a.ask(fewer, "first")
        assert [standing and standing.limit for standing in again.standings] == [500, 100_000]
        await a.ahead.close()
        assert await a.counted() == 5


async def test_a_place_is_taken_back_once_and_its_request_counts_when_it_comes_again(pipeline: Pipeline) -> None:
    of = (requests(1000), KEYS)
    async with processes(pipeline, "a") as (a,):
        await a.warm_up(of)
        given = await a.ask(of, "given")
        assert isinstance(given, Passed)
        for _ in range(2):
            await a.ahead.take_back("given", given.entries)
        assert isinstance(await a.ask(of, "given"), Passed)
        await a.ahead.close()
        assert await a.counted() == 4


async def test_the_remaining_that_is_told_goes_down_by_one_with_each_request(pipeline: Pipeline) -> None:
    of = (requests(1000), tokens(10, 50_000))
    async with processes(pipeline, "a") as (a,):
        await a.warm_up(of)
        for _ in range(100):
            await a.ask(of)
            # Who is answered in between gives the others their turn.
            await a.client.flush()
        told = [found.standings for found in a.passed]
    assert [standings[0].remaining for standings in told] == list(range(999, 999 - 103, -1))
    assert [standings[1].remaining for standings in told] == list(range(49_990, 49_990 - 1030, -10))


async def test_a_large_request_takes_what_places_hold_too_and_no_token_more_than_may_passes(
    pipeline: Pipeline,
) -> None:
    small = (requests(1000), tokens(10, 3000))
    async with processes(pipeline, "ab") as (a, b):
        await a.warm_up(small)
        assert await a.counted(Kind.TOKENS) == 20 + 10 * LOT
        # More than all places have: it is counted by itself.
        assert isinstance(await a.ask((requests(1000), tokens(500, 3000))), Passed)
        # All that is left is there, though the other one's places are counted.
        assert isinstance(await b.ask((requests(1000), tokens(3000 - 530 + 1, 3000))), Full)
        assert isinstance(await b.ask((requests(1000), tokens(3000 - 530, 3000))), Passed)
        assert isinstance(await a.ask(small), Full)
        assert (await b.counted(), await b.counted(Kind.TOKENS), await b.held()) == (5, 3000, 0)


@pytest.mark.parametrize("limit", [60, 300])
async def test_what_is_asked_of_two_keys_of_one_tenant_is_as_exact(pipeline: Pipeline, limit: int) -> None:
    one, other = Asked("places.one", Kind.REQUESTS, 1, 1000), Asked("places.other", Kind.REQUESTS, 1, 1000)
    async with processes(pipeline, "ab") as (a, b):
        of_one, of_other = (one, requests(limit)), (other, requests(limit))
        await asyncio.gather(*(process.ask(of) for process in (a, b) for of in (of_one, of_other) for _ in range(4)))
        asking = [process.ask_until_refused(of) for process in (a, b) for of in (of_one, of_other)]
        await asyncio.gather(*asking)
        assert all_passed(a, b) == limit
