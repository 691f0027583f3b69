"""Every worker: at least once in, exactly once out."""

from unittest import mock

from nats.aio.msg import Msg

from contracts import envelope
from tests.integration.conformance.cases import CASES
from tests.integration.conformance.rig import Rig
from tests.support.killable import holding_worker
from tests.support.workers import Interceptor
from workers.names import WORKERS

APART = {"retrieval", "reindex"}
"""One answers over core NATS, where nothing is kept: who gets no answer asks again. The other's messages are jobs that
last for hours, and it has a suite of its own.
"""


def test_every_worker_passes_this_suite() -> None:
    assert {case.worker for case in CASES} | APART == set(WORKERS)


async def test_a_good_message_has_its_output_once(rig: Rig) -> None:
    async with rig.running():
        await rig.exactly_once(await rig.give())


async def test_a_message_whose_handler_failed_is_delivered_again(rig: Rig) -> None:
    failing_once = Interceptor(failures=1)
    with rig.intercepted(failing_once):
        async with rig.running():
            request_id = await rig.give()
            await rig.exactly_once(request_id)
    assert failing_once.runs[request_id] == 2
    assert not await rig.pipeline.dead_letters()


async def test_a_message_whose_worker_was_killed_is_handled_by_another(rig: Rig) -> None:
    async with holding_worker(rig.case.worker, rig.case.consumes, rig.pipeline.settings) as doomed:
        request_id = await rig.give()
        assert await doomed.taken() == request_id
        await doomed.kill()
    assert not await rig.outputs(request_id)
    async with rig.running():
        await rig.exactly_once(request_id)


async def test_a_lost_ack_does_not_double_the_output(rig: Rig) -> None:
    lost: list[str] = []
    ack = Msg.ack

    async def ack_lost_once(message: Msg) -> None:
        if rig.case.stream() in message.reply and not lost:
            lost.append(message.reply)
        else:
            await ack(message)

    with mock.patch.object(Msg, "ack", ack_lost_once):
        async with rig.spied() as spy, rig.running():
            await rig.exactly_once(await rig.give())
    assert len(lost) == 1
    assert len(spy.of("+ACK")) == 1


async def test_the_same_message_twice_has_one_output(rig: Rig) -> None:
    request_id = await rig.give()
    await rig.give(request_id)
    async with rig.running():
        await rig.exactly_once(request_id)


async def test_the_same_request_under_another_message_id_has_one_output(rig: Rig) -> None:
    counting = Interceptor()
    with rig.intercepted(counting):
        async with rig.running():
            request_id = await rig.give()
            await rig.exactly_once(request_id)
            await rig.give(request_id, headers={envelope.MSG_ID: "another"})
            await rig.exactly_once(request_id)
    assert counting.runs[request_id] == 2, "the second one never came"
    assert not await rig.pipeline.dead_letters()
