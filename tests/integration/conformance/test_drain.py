"""Every worker: a stop finishes what is in hand, and hands back the rest so that another process has it at once."""

import asyncio
import time

import pytest

from tests.integration.conformance.cases import CASES
from tests.integration.conformance.rig import Rig
from tests.support.acks import ACK, NAK
from tests.support.waiting import eventually
from tests.support.workers import Interceptor

LONG = 60.0
"""An ack wait that no message of a test may have to wait for, in seconds."""
AT_ONCE = 30.0
ONE_AT_A_TIME = dict.fromkeys(
    ("stage_concurrency", "provider_concurrency", "ledger_batch", "document_concurrency", "index_batch"), 1
)
SLOTS = {"ledger": 4, "responses": 4, "chunking": 4, "embedding": 4, "indexing": 8}
"""Workers that have more than one slot at the least."""


@pytest.mark.parametrize("case", [case for case in CASES if not case.endless], ids=lambda case: case.name)
async def test_a_stop_finishes_what_is_in_hand_and_hands_back_the_rest(rig: Rig) -> None:
    await rig.pipeline.configure(ack_wait=LONG, **ONE_AT_A_TIME)
    slots = SLOTS.get(rig.case.name, 1)
    taking_their_time = Interceptor(held=True)
    with rig.intercepted(taking_their_time):
        async with rig.spied() as spy:
            async with rig.running() as first:
                given = [await rig.give() for _ in range(slots + 3)]
                await eventually(lambda: len(taking_their_time.runs) == slots)
                delivered = await eventually(lambda: all_delivered(rig, len(given)))
                stopping = asyncio.create_task(first.stop())
                await eventually(lambda: nobody_listens(rig))
                await eventually(lambda: len(spy.of(NAK)) == delivered - slots, what=lambda: spy.said)
                assert not stopping.done(), "it did not wait for the work in hand"
                taking_their_time.open_gate()
                await stopping
            assert len(taking_their_time.done) == slots
            assert len(spy.of(ACK)) == slots
            begun = time.monotonic()
            async with rig.running():
                for request_id in given:
                    await rig.exactly_once(request_id)
    assert time.monotonic() - begun < AT_ONCE
    assert set(taking_their_time.runs.values()) == {1}


async def all_delivered(rig: Rig, given: int) -> int:
    """How many messages the process has, once it can get no more."""
    consumer = await rig.pipeline.consumer(rig.case.stream(), rig.case.durable_of())
    most = min(given, consumer.config.max_ack_pending or given)
    return most if consumer.num_ack_pending == most else 0


async def nobody_listens(rig: Rig) -> bool:
    """Whether the process that stops gets no more, also where it had no more than it has slots for."""
    return not (await rig.pipeline.consumer(rig.case.stream(), rig.case.durable_of())).push_bound


async def test_a_stop_in_a_flood_loses_nothing_and_leaves_nothing_to_the_ack_wait(rig: Rig) -> None:
    await rig.pipeline.configure(ack_wait=LONG)
    given = await rig.give_many(200)
    counting = Interceptor()
    with rig.intercepted(counting):
        async with rig.running():
            # At the first of them, while the others are still on their way to a handler.
            await asyncio.wait_for(counting.begun.wait(), 20)
        begun = time.monotonic()
        async with rig.running():
            await rig.settled()
    assert time.monotonic() - begun < AT_ONCE
    assert counting.runs.keys() == set(given)
    assert not await rig.pipeline.dead_letters()
