"""Every worker that serves people: bulk work never stands in front of one."""

import pytest

from contracts.subjects import Lane
from tests.integration.conformance.cases import CASES
from tests.integration.conformance.rig import Rig
from tests.support.waiting import eventually
from tests.support.workers import Interceptor

FLOOD = 300
SERVING_PEOPLE = [case for case in CASES if case.lanes and not case.endless]


@pytest.mark.parametrize("case", SERVING_PEOPLE, ids=lambda case: case.name)
async def test_an_interactive_message_overtakes_a_flood_of_batch_work(rig: Rig) -> None:
    await rig.pipeline.configure(stage_concurrency=4, provider_concurrency=4, document_concurrency=4, index_batch=1)
    await rig.give_many(FLOOD, lane=Lane.BATCH)
    slow = Interceptor(seconds=0.02)
    with rig.intercepted(slow):
        async with rig.running():
            await eventually(lambda: slow.done, what="no batch work was done")
            before = len(slow.done)
            person = await rig.give("person")
            await eventually(lambda: person in slow.done)
            overtaken_by = slow.done.index(person) - before
            await rig.done(person)
    assert overtaken_by < FLOOD / 10, f"{overtaken_by} of {FLOOD} went before a person"
