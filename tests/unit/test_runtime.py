"""Tasks end when they are told to, also those that miss it the first time."""

import asyncio

from infra.runtime import end_tasks


async def test_a_task_that_misses_its_cancellation_is_cancelled_again():
    missed = asyncio.Event()

    async def miss_one() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            missed.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(miss_one())
    await asyncio.sleep(0)
    await end_tasks(task)
    assert missed.is_set()
    assert task.cancelled()


async def test_a_task_that_fails_on_its_way_out_has_ended():
    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await end_tasks(task)
    assert isinstance(task.exception(), OSError)


async def test_no_tasks_are_no_trouble():
    await end_tasks()
