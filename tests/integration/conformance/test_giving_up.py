"""Every worker: a message that can't be handled is tried so often and no more, and then told of."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from contracts import envelope
from contracts.documents import DocumentFailed
from contracts.errors import ErrorCode
from tests.integration.conformance.cases import BY_NAME, CASES, GIVING_UP
from tests.integration.conformance.rig import Rig
from tests.support.waiting import eventually
from tests.support.workers import Interceptor

ALWAYS = float("inf")
gives_up = pytest.mark.parametrize("case", GIVING_UP, ids=lambda case: case.name)


@gives_up
async def test_a_handler_that_always_fails_is_asked_so_often_with_backoff_and_no_more(rig: Rig) -> None:
    failing = Interceptor(failures=ALWAYS)
    with rig.intercepted(failing):
        async with rig.running():
            request_id = await rig.give()
            await eventually(rig.pipeline.dead_letters)
            await rig.settled()
    assert failing.runs[request_id] == rig.pipeline.settings.max_deliveries
    pauses = [later - earlier for earlier, later in pairwise(failing.started)]
    assert all(pause >= least for pause, least in zip(pauses, (0.1, 0.2), strict=True)), pauses


@gives_up
async def test_what_a_handler_always_fails_on_becomes_a_dead_letter_with_a_reason(rig: Rig) -> None:
    with rig.intercepted(Interceptor(failures=ALWAYS)):
        async with rig.running():
            request_id = await rig.give()
            (letter,) = await eventually(rig.pipeline.dead_letters)
            await rig.settled()
    given = rig.given[request_id]
    assert letter.stage == rig.case.stage
    assert letter.reason == f"the {rig.case.stage} stage failed on this message"
    assert letter.error_code == ErrorCode.INTERNAL_ERROR
    assert (letter.subject, letter.request_id, letter.deliveries) == (given.subject, request_id, 3)
    assert letter.body == given.body
    assert letter.headers.items() >= {name: v for name, v in given.headers.items() if name != envelope.MSG_ID}.items()


@gives_up
async def test_a_request_that_a_stage_always_fails_on_has_one_failed(rig: Rig) -> None:
    with rig.intercepted(Interceptor(failures=ALWAYS)):
        async with rig.running():
            request_id = await rig.give()
            await eventually(rig.pipeline.dead_letters)
            await rig.settled()
    terminals = [message.subject.split(".")[3] for message in await rig.own_terminals(request_id)]
    assert terminals == (["failed"] if rig.case.ends_request or rig.case.of_documents else [])
    if rig.case.of_documents:
        (ended,) = await rig.own_terminals(request_id)
        said = DocumentFailed.model_validate_json(ended.body)
        assert (said.document_id, said.error.code) == (request_id, ErrorCode.INTERNAL_ERROR)
    if rig.case.ends_request:
        failed = await rig.pipeline.failed(request_id)
        assert failed is not None
        assert (failed.error.code, failed.error.stage) == (ErrorCode.INTERNAL_ERROR, rig.case.stage)


@gives_up
async def test_a_message_behind_one_that_always_fails_is_handled(rig: Rig) -> None:
    failing = Interceptor(failures=ALWAYS, only="bad")
    with rig.intercepted(failing):
        async with rig.running():
            await rig.give("bad")
            await rig.done(await rig.give("good"))
            await eventually(rig.pipeline.dead_letters)
            await rig.settled()


@pytest.mark.parametrize("case", [case for case in CASES if case.endless], ids=lambda case: case.name)
async def test_a_message_that_only_waits_is_given_up_at_its_deadline_alone(rig: Rig) -> None:
    with rig.intercepted(Interceptor(failures=rig.pipeline.settings.max_deliveries + 1)):
        async with rig.running():
            await rig.exactly_once(await rig.give(), within=15)
    assert not await rig.pipeline.dead_letters()


# Deadlines


@pytest.mark.parametrize("case", [case for case in CASES if case.ends_request], ids=lambda case: case.name)
async def test_an_expired_request_fails_without_being_worked_on(rig: Rig) -> None:
    counting = Interceptor()
    with rig.intercepted(counting):
        async with rig.running():
            request_id = await rig.give(headers={envelope.DEADLINE: a_second_ago()})
            failed = await eventually(lambda: rig.pipeline.failed(request_id))
            await rig.settled()
    assert (failed.error.code, failed.error.stage) == (ErrorCode.DEADLINE_EXCEEDED, rig.case.stage)
    assert not counting.runs
    assert await rig.outputs(request_id) == {"inference.failed": 1}
    assert not await rig.pipeline.dead_letters()


@pytest.mark.parametrize("case", [BY_NAME["validation"]], ids=lambda case: case.name)
async def test_a_request_that_says_in_its_body_when_it_expires_fails_after_that(rig: Rig) -> None:
    async with rig.running():
        request_id = await rig.pipeline.publish_request(deadline=a_second_ago())
        failed = await eventually(lambda: rig.pipeline.failed(request_id))
        await rig.settled()
    assert failed.error.code == ErrorCode.DEADLINE_EXCEEDED
    assert await rig.outputs(request_id) == {"inference.failed": 1}


@pytest.mark.parametrize("case", [case for case in CASES if not case.ends_request], ids=lambda case: case.name)
async def test_what_is_kept_of_a_request_does_not_expire_with_it(rig: Rig) -> None:
    async with rig.running():
        await rig.exactly_once(await rig.give(headers={envelope.DEADLINE: a_second_ago()}))
    assert not await rig.pipeline.dead_letters()


def a_second_ago() -> str:
    return envelope.rfc3339(datetime.now(UTC) - timedelta(seconds=1))
