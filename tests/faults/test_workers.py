"""Worker processes that die or are stopped under load: nothing is lost, nothing happens twice, the books agree."""

import asyncio
import signal
from dataclasses import dataclass

import aiohttp
import pytest
from nats.aio.client import Client

from tests.faults.books import read_books, settled, simulator_stats
from tests.faults.instance import Instance
from tests.faults.load import WIDTH, Load, ask
from tests.faults.wire import ATTEMPTED, Wire, in_hand
from tests.support.waiting import eventually

TOTAL = 2 * WIDTH


@dataclass(frozen=True, slots=True)
class Moment:
    """When a worker dies: `count` messages of an event were seen, and `held` wait in its durable for their ack."""

    event: str
    stream: str
    durable: str
    count: int = 40
    held: int = 50


MOMENTS = {
    "validation": Moment("inference.validated", "INFERENCE_REQUESTED", "validation-interactive"),
    "cache": Moment("inference.uncached", "INFERENCE_VALIDATED", "cache-interactive"),
    "routing": Moment("inference.routed", "INFERENCE_UNCACHED", "routing-interactive"),
    "provider": Moment(ATTEMPTED, "INFERENCE_ROUTED", "provider-quick-interactive", count=120, held=120),
    "ledger": Moment("usage.recorded", "USAGE", "ledger"),
}


@pytest.mark.parametrize("worker", MOMENTS)
async def test_a_killed_worker_loses_nothing_and_nothing_happens_twice(
    worker: str, instance: Instance, client: Client
) -> None:
    moment, child = MOMENTS[worker], f"worker-{worker}"
    wire = await Wire(client, moment.event).listen()
    before = await simulator_stats(instance)
    async with Load(instance, total=TOTAL) as load:
        await wire.until(moment.event, moment.count)
        # Held still wherever it is, between a publish and its ack too, until it is sure to have much in hand.
        (pid,) = instance.send(signal.SIGSTOP, child)
        await in_hand(client, moment.stream, moment.durable, moment.held)
        assert load.asking == WIDTH
        instance.send(signal.SIGKILL, child)
        answers = await load.finish(within=40)
    await instance.replaced(child, pid)
    await settled(instance)

    books = (await read_books(instance)).of(load.ids())
    books.check(load.ids())
    assert len(load.ids()) == TOTAL
    after = await simulator_stats(instance)
    if worker == "provider":
        assert books.statuses["interrupted"] > 0
        # A stream that had begun when its call died ends with an error event: tokens are never sent twice.
        assert {(answer.kind, answer.stream) for answer in answers} <= {
            ("whole", False),
            ("whole", True),
            ("error", True),
        }
    else:
        assert load.summary() == {"whole 200": TOTAL * 3 // 4, "stream, whole 200": TOTAL // 4}
        assert books.statuses == {"completed": TOTAL}
        assert after["calls"] - before["calls"] == after["completed"] - before["completed"] == TOTAL


async def test_the_workers_that_no_prompt_needs_are_back_as_well(
    instance: Instance, http: aiohttp.ClientSession
) -> None:
    before = instance.pids
    names = {name for name in before if name.startswith("worker-")} - {f"worker-{worker}" for worker in MOMENTS}
    assert names
    instance.send(signal.SIGKILL, *names)
    for name in names:
        await instance.replaced(name, before[name])
    assert {name for name, pid in instance.pids.items() if before[name] != pid} == names

    async def ready() -> bool:
        async with http.get(f"{instance.api}/readyz") as answer:
            return answer.status == 200

    await eventually(ready, within=30, what="the platform is not ready")


@pytest.mark.parametrize("worker", ["provider", "validation"])
async def test_a_worker_that_is_told_to_stop_finishes_what_it_has_in_hand(
    worker: str, instance: Instance, client: Client
) -> None:
    child = f"worker-{worker}"
    wire = await Wire(client, ATTEMPTED).listen()
    async with Load(instance, total=TOTAL) as load:
        await wire.until(ATTEMPTED, 120)
        (pid,) = instance.send(signal.SIGTERM, child)
        await load.finish(within=40)
    await instance.replaced(child, pid)
    await settled(instance)

    assert load.summary() == {"whole 200": TOTAL * 3 // 4, "stream, whole 200": TOTAL // 4}
    books = (await read_books(instance)).of(load.ids())
    books.check(load.ids())
    assert books.statuses == {"completed": TOTAL}
    assert len(books.calls) == TOTAL


async def test_a_call_that_died_has_its_row_though_the_deadline_passed_before_it_could_be_made_again(
    instance: Instance, http: aiohttp.ClientSession
) -> None:
    model = "sim-small@latency=20000"
    asking = [asyncio.create_task(ask(http, model, deadline=3)) for _ in range(5)]

    async def called() -> bool:
        return bool((await simulator_stats(instance))["by_model"].get(model) == 5)

    await eventually(called)
    (pid,) = instance.send(signal.SIGKILL, "worker-provider")
    answers = await asyncio.gather(*asking)
    await instance.replaced("worker-provider", pid)
    await settled(instance)

    assert [answer.what for answer in answers] == ["error 408 deadline_exceeded"] * 5
    ids = {answer.request_id for answer in answers}
    books = (await read_books(instance)).of(ids)
    books.check(ids)
    assert (books.statuses, len(books.calls)) == ({"interrupted": 5}, 5)
