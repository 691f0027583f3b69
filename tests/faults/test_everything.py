"""Everything at once: queues that are full, a supervisor that is killed, all processes killed in one moment."""

import asyncio
import signal
import sys

import pytest
from nats.aio.client import Client

from tests.faults.books import read_books, settled
from tests.faults.instance import ROOM, WORKERS, Instance
from tests.faults.load import MODEL, Load
from tests.faults.wire import ATTEMPTED, Wire, produce
from tests.support.waiting import eventually


async def test_a_full_queue_refuses_and_what_it_took_is_answered(instance: Instance) -> None:
    instance.send(signal.SIGSTOP, *WORKERS)
    try:
        async with Load(instance, total=ROOM + 60, width=ROOM + 60) as load:
            await load.answered(60)
            refused = list(load.answers)
            instance.send(signal.SIGCONT, *WORKERS)
            await load.finish(within=40)
    finally:
        instance.send(signal.SIGCONT, *WORKERS)
    await settled(instance)

    assert {(answer.status, (answer.error or {})["code"]) for answer in refused} == {(503, "overloaded")}
    assert all(int(answer.retry_after or 0) >= 1 for answer in refused)
    accepted = load.ids() - {answer.request_id for answer in refused}
    assert len(accepted) == ROOM
    assert [answer.kind for answer in load.answers[60:]] == ["whole"] * ROOM
    books = (await read_books(instance)).of(load.ids())
    books.check(accepted)
    assert set(books.terminals) == accepted
    assert books.statuses == {"completed": ROOM}


async def test_a_supervisor_that_is_killed_leaves_nothing_behind_and_the_next_goes_on(
    instance: Instance, client: Client
) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent died")
    accepted = await asked_until_calls_are_made(instance, client)
    instance.up.kill()
    await eventually(lambda: not instance.family(), within=20, what=lambda: str(instance.family()))
    await check_that_the_next_start_finishes(instance, accepted)


async def test_everything_killed_at_once_loses_nothing_and_calls_nothing_twice(
    instance: Instance, client: Client
) -> None:
    accepted = await asked_until_calls_are_made(instance, client)
    instance.kill_everything()
    assert instance.family() == []
    await check_that_the_next_start_finishes(instance, accepted)


async def asked_until_calls_are_made(instance: Instance, client: Client) -> set[str]:
    """Requests in every stage: the ids of those that JetStream has acked."""
    wire = await Wire(client, ATTEMPTED).listen()
    producing = asyncio.create_task(produce(client, 200, MODEL))
    await wire.until(ATTEMPTED, 60)
    return await producing


async def check_that_the_next_start_finishes(instance: Instance, accepted: set[str]) -> None:
    assert len(accepted) >= 60
    await instance.start()
    await settled(instance)
    (await read_books(instance)).check(accepted)
    async with Load(instance, total=20, width=10) as load:
        await load.finish(within=20)
    assert load.summary() == {"whole 200": 15, "stream, whole 200": 5}
