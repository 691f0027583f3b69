"""The dispatch core: what becomes of what a handler returns or raises."""

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest import mock

import faststream
import pytest
from nats.aio.msg import Msg

from contracts.errors import ContractError, ErrorCode, PenstockError
from infra.dispatch import outcome as outcomes
from infra.dispatch.core import Dispatcher
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, forwarded
from infra.streams import REQUESTED
from tests.support.logs import RecordedLog
from tests.support.messages import completed_body
from tests.support.pipeline import TENANT, Pipeline, new_request_id
from tests.support.stages import STAGE, running_stage
from tests.support.waiting import eventually


class Raising:
    """A handler that raises."""

    def __init__(self, error: PenstockError) -> None:
        self.error = error
        self.runs = 0

    async def __call__(self, _: Job) -> Outcome:
        self.runs += 1
        raise self.error


def unavailable(*, retryable: bool) -> PenstockError:
    return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "not now", stage=STAGE, retryable=retryable)


async def handled(
    pipeline: Pipeline, log: RecordedLog, handler: Callable[[Job], Awaitable[Outcome]], *, terminal: bool = True
) -> str:
    """Give the handler a request until it is off the queue."""
    async with running_stage(pipeline, log.logger, handler, terminal=terminal):
        request_id = await pipeline.publish_request()
        await eventually(lambda: is_empty(pipeline))
    return request_id


async def is_empty(pipeline: Pipeline) -> bool:
    return await pipeline.held(REQUESTED) == 0


async def test_a_failure_that_may_pass_is_tried_again_and_then_told_to_the_caller(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    handler = Raising(unavailable(retryable=True))
    failed = await pipeline.failed(await handled(pipeline, log, handler))
    assert failed is not None
    assert failed.error.retryable
    assert (failed.error.code, failed.error.message) == (ErrorCode.PIPELINE_UNAVAILABLE, "not now")
    assert handler.runs == pipeline.settings.max_deliveries
    assert not await pipeline.dead_letters()


async def test_a_failure_that_can_not_pass_is_told_at_once(pipeline: Pipeline, log: RecordedLog) -> None:
    handler = Raising(unavailable(retryable=False))
    assert await pipeline.failed(await handled(pipeline, log, handler)) is not None
    assert handler.runs == 1


@pytest.mark.parametrize(
    "error",
    [PenstockError(ErrorCode.INTERNAL_ERROR, "no", stage=STAGE), ContractError("no usage", stage=STAGE)],
    ids=["a failure that can't pass", "no contract"],
)
async def test_what_belongs_to_no_request_goes_to_the_dead_letter(
    pipeline: Pipeline, log: RecordedLog, error: PenstockError
) -> None:
    request_id = await handled(pipeline, log, Raising(error), terminal=False)
    (letter,) = await pipeline.dead_letters()
    assert (letter.reason, letter.error_code, letter.deliveries) == (error.message, error.code, 1)
    assert not await pipeline.terminals(request_id)


async def test_bookkeeping_waits_for_what_is_away_however_often_it_has_to_try(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    tries: list[int] = []

    async def away_for_a_while(job: Job) -> Outcome:
        tries.append(job.position.deliveries)
        if len(tries) <= pipeline.settings.max_deliveries:
            raise unavailable(retryable=True)
        return Outcome("recorded")

    await handled(pipeline, log, away_for_a_while, terminal=False)
    assert len(tries) == pipeline.settings.max_deliveries + 1
    assert not await pipeline.dead_letters()


async def test_an_output_that_the_broker_never_takes_fails_its_request(pipeline: Pipeline, log: RecordedLog) -> None:
    runs: list[str] = []

    async def too_much(job: Job) -> Outcome:
        runs.append(job.request_id)
        job.body = b"x" * (9 * 1024 * 1024)
        return forwarded(job, "inference.validated", "penstock.v1.inference.validated.interactive.acme", {})

    failed = await pipeline.failed(await handled(pipeline, log, too_much))
    assert failed is not None
    assert failed.error.code == ErrorCode.REQUEST_TOO_LARGE
    assert len(runs) == 1


async def test_nothing_to_store_is_an_outcome_too(pipeline: Pipeline, log: RecordedLog) -> None:
    async def skip(_: Job) -> Outcome:
        return Outcome("skipped")

    request_id = await handled(pipeline, log, skip)
    assert not await pipeline.terminals(request_id)
    assert not await pipeline.dead_letters()


@pytest.mark.parametrize("first", ["completed", "failed"])
async def test_a_request_that_has_its_end_gets_no_other(pipeline: Pipeline, log: RecordedLog, first: str) -> None:
    """Whichever comes first stays, also under another subject and another message id."""
    ends = ["completed", "failed"] if first == "completed" else ["failed", "completed"]

    async def end(job: Job) -> Outcome:
        if ends.pop(0) == "completed":
            return Outcome("completed", (outcomes.completed(job, completed_body(job.request_id)),))
        raise unavailable(retryable=False)

    async with running_stage(pipeline, log.logger, end):
        request_id = await pipeline.publish_request()
        await eventually(lambda: is_empty(pipeline))
        await pipeline.publish_request(request_id, headers={"Nats-Msg-Id": "another"})
        await eventually(lambda: is_empty(pipeline))
    assert not ends
    assert [message.subject.split(".")[3] for message in await pipeline.terminals(request_id)] == [first]


@pytest.mark.parametrize("first", ["completed", "failed"])
async def test_a_request_that_had_its_end_before_message_ids_were_forgotten_gets_no_other(
    pipeline: Pipeline, log: RecordedLog, first: str
) -> None:
    """JetStream knows an id for two minutes; the end of a request counts for as long as it is kept."""

    async def end(job: Job) -> Outcome:
        if first == "completed":
            raise unavailable(retryable=False)
        return Outcome("completed", (outcomes.completed(job, completed_body(job.request_id)),))

    request_id = new_request_id()
    await pipeline.publish(f"penstock.v1.inference.{first}.interactive.{TENANT}.{request_id}", b"{}")
    async with running_stage(pipeline, log.logger, end):
        await pipeline.publish_request(request_id)
        await eventually(lambda: is_empty(pipeline))
    (end_of_it,) = await pipeline.terminals(request_id)
    assert end_of_it.body == b"{}"


async def test_a_message_comes_from_the_client_without_a_detour_through_faststream(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    callers: set[str] = set()
    accept = Dispatcher.accept

    def noted(dispatcher: Dispatcher, message: Msg) -> None:
        callers.update(frame.filename for frame in traceback.extract_stack())
        accept(dispatcher, message)

    with mock.patch.object(Dispatcher, "accept", noted):
        await handled(pipeline, log, Raising(unavailable(retryable=False)))
    home = str(Path(faststream.__file__).parent)
    assert callers
    assert not [caller for caller in callers if caller.startswith(home)]
