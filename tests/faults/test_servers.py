"""The API, NATS and PostgreSQL die or restart under load, and a provider is slow: the others go on."""

import asyncio
import signal
import time
from collections.abc import Callable

import aiohttp
import pytest
from nats.aio.client import Client

from infra.embedded.probes import Address, nats_info
from tests.faults.books import read_books, settled
from tests.faults.instance import SLOTS, Instance
from tests.faults.load import WIDTH, Load, ask, session_with
from tests.faults.wire import ATTEMPTED, REQUESTED, Wire
from tests.support.waiting import eventually

TOTAL = 2 * WIDTH
ALL_WHOLE = {"whole 200": TOTAL * 3 // 4, "stream, whole 200": TOTAL // 4}
RECOVERY = 5.0
"""Seconds after the broker is back within which a new request is answered, on a machine that others load as well. Alone
it is within 2 s, the bar of issue 2.
"""


async def test_what_a_killed_api_had_accepted_is_answered_once(
    instance: Instance, client: Client, http: aiohttp.ClientSession
) -> None:
    wire = await Wire(client, REQUESTED, ATTEMPTED).listen()
    async with Load(instance, total=TOTAL) as load:
        await wire.until(ATTEMPTED, 100)
        (pid,) = instance.send(signal.SIGKILL, "api")
        await load.finish(within=30)
    await instance.replaced("api", pid)

    async def answers() -> bool:
        return (await ask(http)).kind == "whole"

    await eventually(answers, within=20, what="the API does not come back")
    await settled(instance)
    accepted = wire.request_ids(REQUESTED)
    assert len(accepted) >= 100
    (await read_books(instance)).of(accepted).check(accepted)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_restarted_broker_costs_no_request_and_no_worker_its_process(
    number: signal.Signals, instance: Instance, client: Client, record_property: Callable[[str, object], None]
) -> None:
    wire = await Wire(client, ATTEMPTED).listen()
    before = instance.pids
    async with Load(instance, total=TOTAL + WIDTH) as load:
        await wire.until(ATTEMPTED, 150)
        (pid,) = instance.send(number, "nats")
        await instance.replaced("nats", pid)
        seconds = await seconds_to_a_new_answer(instance)
        answers = await load.finish(within=35)
    await settled(instance)

    record_property("seconds_to_a_new_answer", round(seconds, 3))
    assert seconds < RECOVERY
    assert {name for name, process in instance.pids.items() if before[name] != process} == {"nats"}
    # What was not answered failed clearly: a status with its reason, or an error event where tokens were lost.
    assert {answer.kind for answer in answers} <= {"whole", "error"}, load.summary()
    assert {answer.status for answer in answers} <= {200, 408, 503}, load.summary()
    accepted = {answer.request_id for answer in answers if answer.status == 200}
    (await read_books(instance)).of(load.ids()).check(accepted)


async def seconds_to_a_new_answer(instance: Instance) -> float:
    """From when the server greets with JetStream enabled."""
    address = Address("127.0.0.1", instance.ports["nats-port"])

    async def greets() -> bool:
        return ((await nats_info(address, within=1)) or {}).get("jetstream") is True

    await eventually(greets, within=10, what="NATS does not come back")
    began = time.monotonic()
    async with session_with(instance) as http:

        async def answers() -> bool:
            return (await ask(http, "sim-small")).kind == "whole"

        await eventually(answers, within=10, what="no new request is answered")
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_restarted_database_costs_no_request_no_row_and_no_worker_its_process(
    number: signal.Signals, instance: Instance, client: Client
) -> None:
    wire = await Wire(client, ATTEMPTED).listen()
    before = instance.pids
    async with Load(instance, total=TOTAL) as load:
        await wire.until(ATTEMPTED, 100)
        (pid,) = instance.send(number, "postgres")
        await load.finish(within=30)
    await instance.replaced("postgres", pid)
    await check_all_answered_and_recorded(instance, load)
    assert {name for name, process in instance.pids.items() if before[name] != process} == {"postgres"}


async def test_usage_waits_for_a_database_that_is_away_for_longer_than_a_message_is_tried(
    instance: Instance, client: Client
) -> None:
    wire = await Wire(client, ATTEMPTED).listen()
    async with Load(instance, total=TOTAL) as load:
        await wire.until(ATTEMPTED, 100)
        instance.up.send_signal(signal.SIGSTOP)
        (pid,) = instance.send(signal.SIGKILL, "postgres")
        # Five deliveries with their pauses are over after three seconds.
        away = asyncio.create_task(asyncio.sleep(5))
        await load.finish(within=30)
        await away
    instance.up.send_signal(signal.SIGCONT)
    await instance.replaced("postgres", pid)
    await check_all_answered_and_recorded(instance, load)


async def check_all_answered_and_recorded(instance: Instance, load: Load) -> None:
    assert load.summary() == ALL_WHOLE
    await settled(instance)
    books = (await read_books(instance)).of(load.ids())
    books.check(load.ids())
    assert books.statuses == {"completed": TOTAL}


async def test_a_slow_provider_holds_up_nobody_elses_requests(instance: Instance, client: Client) -> None:
    """More requests than it has slots for wait at the slow one; the other answers all of its own meanwhile."""
    wire = await Wire(client, ATTEMPTED, "inference.routed").listen()
    async with Load(instance, total=SLOTS + 50, width=SLOTS + 50, model="sim-slow@latency=25000") as slow:
        await wire.until(ATTEMPTED, SLOTS)
        await wire.until("inference.routed", SLOTS + 50)
        async with Load(instance, total=100, width=20) as quick:
            await quick.finish(within=20)
        assert quick.summary() == {"whole 200": 75, "stream, whole 200": 25}
        assert slow.answers == []
    # The callers of the slow one have left by now: its calls are cut off, and most of those that wait are not made.
    await settled(instance)
    ids = wire.request_ids("inference.routed")
    books = (await read_books(instance)).of(ids)
    books.check(ids, unsent=("cancelled",))
    assert books.statuses.keys() == {"completed", "cancelled"}
    assert books.statuses["completed"] == 100
