"""The dispatch core's parts that need no broker: slots, batches, identities, trace contexts, redrives."""

import asyncio
from typing import Any

import nats.errors
import pytest
from nats.js.errors import ServiceUnavailableError

from contracts import deadletter, envelope, subjects
from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.database.batches import Batcher
from infra.dead_letters import DeadLetter, redrive_of
from infra.dispatch.gate import LaneGate
from infra.dispatch.job import Identity, deadline_of, identify_forwarded, identify_requested, require_identity
from infra.dispatch.unforeseen import failure_of
from infra.telemetry.tracing import Tracer, parse_traceparent
from tests.support.logs import RecordedLog

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Line:
    """Jobs that wait at a gate, and the order in which they got through."""

    def __init__(self, gate: LaneGate) -> None:
        self.gate = gate
        self.through: list[str] = []

    def join(self, name: str, lane: Lane) -> "asyncio.Task[None]":
        return asyncio.create_task(self._pass(name, lane))

    async def _pass(self, name: str, lane: Lane) -> None:
        await self.gate.acquire(lane)
        self.through.append(name)


async def test_a_freed_slot_goes_to_a_person_first():
    line = Line(LaneGate(capacity=1, batch_capacity=1))
    await line.gate.acquire(Lane.INTERACTIVE)
    waiting = [line.join("bulk", Lane.BATCH), line.join("person", Lane.INTERACTIVE)]
    await settle()
    line.gate.release(Lane.INTERACTIVE)
    await settle()
    assert line.through == ["person"]
    line.gate.release(Lane.INTERACTIVE)
    await asyncio.gather(*waiting)
    assert line.through == ["person", "bulk"]


async def test_bulk_work_leaves_slots_free_for_people():
    line = Line(LaneGate(capacity=4, batch_capacity=1))
    bulk = [line.join(f"bulk {number}", Lane.BATCH) for number in range(3)]
    await settle()
    person = line.join("person", Lane.INTERACTIVE)
    await settle()
    assert line.through == ["bulk 0", "person"]
    line.gate.release(Lane.BATCH)
    await settle()
    assert line.through == ["bulk 0", "person", "bulk 1"]
    line.gate.turn_away()
    assert [type(end) for end in await asyncio.gather(*bulk, person, return_exceptions=True)].count(
        asyncio.CancelledError
    ) == 1


async def test_a_waiter_that_is_cancelled_gives_up_its_place():
    line = Line(LaneGate(capacity=1, batch_capacity=1))
    await line.gate.acquire(Lane.INTERACTIVE)
    first, second = line.join("first", Lane.INTERACTIVE), line.join("second", Lane.INTERACTIVE)
    await settle()
    line.gate.release(Lane.INTERACTIVE)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.wait_for(second, 1)
    assert line.through == ["second"]


async def test_waiting_items_are_written_together():
    written: list[list[int]] = []

    async def write(batch: list[int]) -> None:
        written.append(batch)

    batcher: Batcher[int] = Batcher(write, size=3, linger=0.01)
    await asyncio.gather(*(batcher.add(number) for number in range(7)))
    assert sorted(number for batch in written for number in batch) == list(range(7))
    assert [len(batch) for batch in written] == [3, 3, 1]


async def test_a_bad_item_fails_alone():
    async def write(batch: list[int]) -> None:
        if 2 in batch:
            raise ValueError("two")

    batcher: Batcher[int] = Batcher(write, size=10, linger=0)
    ends = await asyncio.gather(*(batcher.add(number) for number in range(4)), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), type(None), ValueError, type(None)]
    await asyncio.wait_for(batcher.add(5), 1)


def test_the_tenant_at_the_door_is_the_subjects_and_never_the_bodys():
    body = b'{"request_id": "r1", "tenant": "other"}'
    headers = {envelope.TENANT: "other"}
    found = identify_requested(subjects.requested("batch", "acme"), headers, body)
    assert found == Identity(Lane.BATCH, "acme", "r1")


def test_behind_the_door_the_envelope_says_whose_it_is():
    headers = {envelope.TENANT: "acme", envelope.REQUEST_ID: "r1"}
    assert identify_forwarded(subjects.routed("interactive", "openai"), headers, b"") == Identity(
        Lane.INTERACTIVE, "acme", "r1"
    )


@pytest.mark.parametrize("request_id", ["", "a b", "a.b", "*", ">", "x" * 129, "ü"])
def test_an_id_that_cant_be_addressed_is_refused(request_id: str):
    with pytest.raises(ContractError):
        require_identity(Identity(Lane.BATCH, "acme", request_id), "validation")


@pytest.mark.parametrize("subject", ["penstock.v1", "penstock.v1.inference.requested.express.acme", ""])
def test_a_subject_of_another_shape_is_refused(subject: str):
    with pytest.raises(ContractError):
        identify_requested(subject, {}, b"{}")


@pytest.mark.parametrize("value", ["soon", "2026-01-01T00:00:00", "17"])
def test_a_deadline_needs_a_date_and_a_zone(value: str):
    with pytest.raises(ContractError):
        deadline_of({envelope.DEADLINE: value}, "validation")


def test_a_traceparent_goes_round():
    context = parse_traceparent(PARENT)
    assert context is not None
    assert context.traceparent() == PARENT


@pytest.mark.parametrize(
    "header",
    [None, "", "nonsense", PARENT.replace("-", "_"), PARENT.replace("00-", "ff-", 1), "00-" + "0" * 32 + PARENT[35:]],
)
def test_a_broken_traceparent_begins_a_new_trace(header: str | None):
    assert parse_traceparent(header) is None


def test_a_child_has_its_parents_trace_and_sampling():
    parent = parse_traceparent(PARENT.removesuffix("01") + "00")
    child = Tracer("x", None).start("child", None, parent, {})  # type: ignore[arg-type]
    assert parent is not None
    assert (child.context.trace_id, child.context.sampled) == (parent.trace_id, False)
    assert child.context.span_id != parent.span_id


def letter(subject: str, headers: dict[str, str], body: bytes = b"{}") -> DeadLetter:
    known: dict[str, Any] = {"stage": "x", "reason": "r", "error_code": "e", "deliveries": 5, "at": None}
    return DeadLetter(id=7, subject=subject, headers=headers, body=body, **known)


def test_a_redriven_prompt_is_a_new_request_at_the_first_stage():
    headers = {envelope.REQUEST_ID: "r1", envelope.TENANT: "acme", envelope.TRACEPARENT: PARENT, envelope.MODEL: "m"}
    body = b'{"request_id":"r1","deadline":"2020-01-01T00:00:00Z","request":{}}'
    again = redrive_of(letter(subjects.routed("batch", "openai"), headers, body))
    assert again.subject == subjects.requested("batch", "acme")
    assert again.request_id == again.headers[envelope.REQUEST_ID] == "r1-r7"
    assert again.body == b'{"request_id":"r1-r7","request":{}}'
    assert again.headers[deadletter.LINK] == PARENT
    assert envelope.TRACEPARENT not in again.headers
    assert envelope.MODEL not in again.headers


def test_bookkeeping_is_redriven_as_it_was():
    headers = {envelope.REQUEST_ID: "r1", deadletter.REASON: "x", "other": "kept"}
    again = redrive_of(letter(subjects.usage_recorded("acme"), headers, b"row"))
    assert (again.subject, again.body) == (subjects.usage_recorded("acme"), b"row")
    assert again.headers == {
        envelope.REQUEST_ID: "r1",
        "other": "kept",
        envelope.MSG_ID: "redrive.7",
        deadletter.REDRIVEN_FROM: "7",
    }


def test_a_prompt_that_is_no_json_cant_be_redriven():
    with pytest.raises(PenstockError, match="discard"):
        redrive_of(letter(subjects.requested("batch", "acme"), {envelope.REQUEST_ID: "r1"}, b"\xff"))


@pytest.mark.parametrize("cause", [nats.errors.TimeoutError(), ServiceUnavailableError(), ConnectionResetError()])
def test_a_question_that_the_broker_does_not_answer_is_no_bug_of_the_stage(cause: Exception):
    log = RecordedLog()
    failure = failure_of(cause, "provider", log.logger)
    assert (failure.code, failure.retryable) == (ErrorCode.PIPELINE_UNAVAILABLE, True)
    assert log.entries == []


def test_a_bug_is_told_to_operators_and_tried_again():
    log = RecordedLog()
    failure = failure_of(KeyError("name"), "provider", log.logger)
    assert (failure.code, failure.retryable) == (ErrorCode.INTERNAL_ERROR, True)
    assert len(log.events("handler_failed")) == 1
