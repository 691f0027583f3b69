"""Who is not in a hurry waits for those who are, but not for ever."""

import asyncio

from workers.retrieval.traffic import Traffic


async def test_when_nobody_passes_nobody_waits():
    await asyncio.wait_for(Traffic().lull(60), 1)


async def test_who_waits_goes_on_when_the_last_has_passed():
    traffic = Traffic()
    with traffic.passing():
        with traffic.passing():
            waiting = asyncio.create_task(traffic.lull(60))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_who_has_waited_long_enough_goes_on():
    traffic = Traffic()
    with traffic.passing():
        await asyncio.wait_for(traffic.lull(0.01), 1)
