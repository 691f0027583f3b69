"""Dead letters: looked at, sent on their way again, let go."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.broker import Publisher, connect
from infra.dead_letters import DeadLetter, DeadLetters
from infra.telemetry.tracing import TraceContext
from tests.support.database import Database
from tests.support.logs import RecordedLog
from tests.support.messages import message_of
from tests.support.pipeline import TENANT, Pipeline
from tests.support.spans import SpanCollector
from tests.support.waiting import eventually
from tests.support.workers import Interceptor, StartWorkers, intercepted
from workers.names import WORKERS

ALWAYS = float("inf")
OLD = TraceContext(trace_id=0x0AF7651916CD43DD8448EB211C80319C, span_id=0xB7AD6B7169203331, sampled=True)


@pytest.fixture
async def letters(pipeline: Pipeline, log: RecordedLog) -> AsyncIterator[DeadLetters]:
    """As `penstock dlq` has them."""
    connection = await connect(pipeline.settings, "test", log.logger)
    yield DeadLetters(connection.js, Publisher(connection.acks, "test"))
    await connection.close()


async def all_of(letters: DeadLetters) -> list[DeadLetter]:
    return [letter async for letter in letters.all()]


@pytest.fixture
def failing(pipeline: Pipeline, workers: StartWorkers) -> "Failing":
    return Failing(pipeline, workers)


class Failing:
    """A pipeline, one of whose stages fails on everything."""

    def __init__(self, pipeline: Pipeline, workers: StartWorkers) -> None:
        self.pipeline = pipeline
        self.workers = workers

    async def request(self, stage: str, event: str, request_id: str | None = None, **said: object) -> DeadLetter:
        """One request that ended as a dead letter of this stage."""
        before = len(await self.pipeline.dead_letters())
        with intercepted(stage, event, Interceptor(failures=ALWAYS)):
            async with self.workers(*WORKERS):
                await self.pipeline.publish_request(request_id, **said)  # type: ignore[arg-type]
                found = await eventually(lambda: self._one_more_than(before))
        return found[-1]

    async def _one_more_than(self, before: int) -> list[DeadLetter]:
        found = await self.pipeline.dead_letters()
        return found if len(found) > before else []


async def test_they_are_listed_the_oldest_first_and_shown_one_by_one(failing: Failing, letters: DeadLetters) -> None:
    first = await failing.request("validation", "inference.requested", "first")
    second = await failing.request("routing", "inference.uncached", "second")
    assert [(letter.id, letter.stage, letter.request_id) for letter in await all_of(letters)] == [
        (first.id, "validation", "first"),
        (second.id, "routing", "second"),
    ]
    assert await letters.one(second.id) == second
    assert second.at is not None
    assert abs((datetime.now(UTC) - second.at).total_seconds()) < 60


async def test_one_that_is_not_there_is_named(letters: DeadLetters) -> None:
    with pytest.raises(PenstockError, match="there is no dead letter 7") as raised:
        await letters.one(7)
    assert raised.value.code is ErrorCode.NOT_FOUND


async def test_one_that_is_discarded_is_gone(failing: Failing, letters: DeadLetters) -> None:
    letter = await failing.request("validation", "inference.requested")
    await letters.discard(letter)
    assert not await all_of(letters)
    with pytest.raises(PenstockError, match="there is no dead letter"):
        await letters.one(letter.id)


@pytest.mark.parametrize(
    ("stage", "event"),
    [
        ("validation", "inference.requested"),
        ("cache", "inference.validated"),
        ("routing", "inference.uncached"),
        ("provider", "inference.routed"),
    ],
)
async def test_a_redriven_prompt_is_a_request_of_its_own_and_is_answered(
    failing: Failing, letters: DeadLetters, stage: str, event: str
) -> None:
    letter = await failing.request(stage, event, "again", content="Say it again")
    redriven = await letters.redrive(letter)
    assert redriven.request_id == f"again-r{letter.id}"
    assert redriven.subject == f"penstock.v1.inference.requested.interactive.{TENANT}"
    async with failing.workers(*WORKERS):
        await eventually(lambda: failing.pipeline.completed(f"again-r{letter.id}"))
    assert not await all_of(letters)
    assert [message.subject.split(".")[3] for message in await failing.pipeline.terminals("again")] == ["failed"]


async def test_a_redriven_prompt_stays_in_its_lane(failing: Failing, letters: DeadLetters) -> None:
    letter = await failing.request("routing", "inference.uncached", lane=Lane.BATCH)
    assert (await letters.redrive(letter)).subject == f"penstock.v1.inference.requested.batch.{TENANT}"


async def test_a_request_that_named_itself_in_its_body_alone_is_redriven_too(
    failing: Failing, letters: DeadLetters
) -> None:
    letter = await failing.request("validation", "inference.requested", "by-a-stock-client")
    assert envelope.REQUEST_ID not in letter.headers
    assert letter.request_id == "by-a-stock-client"
    redriven = await letters.redrive(letter)
    async with failing.workers(*WORKERS):
        await eventually(lambda: failing.pipeline.completed(redriven.request_id or ""))


async def test_a_redriven_prompt_has_a_new_id_however_long_the_old_one_was(
    failing: Failing, letters: DeadLetters
) -> None:
    letter = await failing.request("routing", "inference.uncached", "x" * 128)
    redriven = await letters.redrive(letter)
    async with failing.workers(*WORKERS):
        await eventually(lambda: failing.pipeline.completed(redriven.request_id or ""))


async def test_an_old_deadline_does_not_end_the_new_life(failing: Failing, letters: DeadLetters) -> None:
    soon = envelope.rfc3339(datetime.now(UTC) + timedelta(seconds=2))
    letter = await failing.request("routing", "inference.uncached", deadline=soon)
    redriven = await letters.redrive(letter)
    await eventually(lambda: datetime.now(UTC) > datetime.fromisoformat(soon))
    async with failing.workers(*WORKERS):
        await eventually(lambda: failing.pipeline.completed(redriven.request_id or ""))


async def test_the_trace_of_the_new_life_links_to_the_old(
    span_collector: SpanCollector, failing: Failing, letters: DeadLetters
) -> None:
    letter = await failing.request(
        "validation", "inference.requested", headers={envelope.TRACEPARENT: OLD.traceparent()}
    )
    redriven = await letters.redrive(letter)
    async with failing.workers(*WORKERS):
        await eventually(lambda: failing.pipeline.completed(redriven.request_id or ""))
    first = "process penstock.v1.inference.requested.{lane}.{tenant}"
    span = await span_collector.one(first, penstock__request_id=redriven.request_id)
    assert span.links == ((f"{OLD.trace_id:032x}", f"{OLD.span_id:016x}"),)
    assert span.trace_id != f"{OLD.trace_id:032x}"
    assert span.parent == ""


async def test_one_that_two_operators_redrive_at_once_begins_one_life(failing: Failing, letters: DeadLetters) -> None:
    letter = await failing.request("validation", "inference.requested")
    await letters.redrive(letter)
    await letters.redrive(letter)
    assert await failing.pipeline.held("INFERENCE_REQUESTED") == 1


async def test_redriven_usage_reaches_the_ledger(
    pipeline: Pipeline, workers: StartWorkers, letters: DeadLetters, database: Database
) -> None:
    usage = message_of("usage.recorded", "spent")
    with intercepted("ledger", "usage.recorded", Interceptor(failures=ALWAYS)):
        async with workers("ledger"):
            await pipeline.publish(usage.subject, usage.body, usage.headers)
            (letter,) = await eventually(pipeline.dead_letters)
    redriven = await letters.redrive(letter)
    assert (redriven.subject, redriven.request_id) == (usage.subject, "spent")
    async with workers("ledger"):
        assert len(await eventually(lambda: database.usage("spent"))) == 1


async def test_an_answer_that_the_cache_could_not_keep_is_not_asked_again(
    failing: Failing, letters: DeadLetters
) -> None:
    letter = await failing.request("cache", "inference.completed", "answered")
    with pytest.raises(PenstockError, match="discard it"):
        await letters.redrive(letter)
    assert await all_of(letters) == [letter]
    assert len(await failing.pipeline.terminals("answered")) == 1


async def test_what_is_no_request_can_not_become_one(
    pipeline: Pipeline, workers: StartWorkers, letters: DeadLetters
) -> None:
    routed = message_of("inference.routed", "spoilt")
    async with workers("provider"):
        await pipeline.publish(routed.subject, b"\xff", routed.headers)
        (letter,) = await eventually(pipeline.dead_letters)
    with pytest.raises(PenstockError, match=f"dead letter {letter.id} is no request and can't become one"):
        await letters.redrive(letter)
    assert await all_of(letters) == [letter]
