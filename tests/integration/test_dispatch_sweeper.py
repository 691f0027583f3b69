"""The safety net: what the server itself gives up on is told of, and taken off its queue."""

import orjson

from contracts.errors import ErrorCode
from infra.streams import ADVISORIES, REQUESTED, USAGE
from tests.support.messages import message_of
from tests.support.pipeline import Pipeline
from tests.support.stages import give_up_after, refusing
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.INFERENCE_REQUESTED.validation-interactive"


async def given_up_on(pipeline: Pipeline, worker: str = "validation") -> None:
    """The server gives up after two deliveries, and says so."""
    await give_up_after(pipeline, worker, deliveries=2)
    before = await pipeline.held(ADVISORIES)
    async with refusing(pipeline, worker):
        await eventually(lambda: more_than(before, pipeline), what="the server did not give up")


async def more_than(before: int, pipeline: Pipeline) -> bool:
    return await pipeline.held(ADVISORIES) > before


async def swept(pipeline: Pipeline) -> bool:
    return await pipeline.held(ADVISORIES) == 0


async def test_a_request_that_no_worker_lived_to_settle_fails_and_is_kept_for_an_operator(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    request_id = await pipeline.publish_request(headers={"ce-keyid": "k1"})
    (sent,) = await pipeline.stored(REQUESTED)
    await given_up_on(pipeline)
    async with workers("routing"):
        failed = await eventually(lambda: pipeline.failed(request_id))
        await eventually(lambda: swept(pipeline))
    assert (failed.error.code, failed.error.stage) == (ErrorCode.INTERNAL_ERROR, "validation-interactive")
    assert len(await pipeline.terminals(request_id)) == 1
    (letter,) = await pipeline.dead_letters()
    assert letter.reason == "delivered 2 times and never settled"
    assert (letter.subject, letter.body, letter.deliveries) == (sent.subject, sent.body, 2)
    assert letter.headers["ce-keyid"] == "k1"
    assert not await pipeline.stored(REQUESTED)


async def test_usage_that_no_worker_lived_to_record_is_kept_for_an_operator(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    usage = message_of("usage.recorded", "spent")
    await pipeline.publish(usage.subject, usage.body, usage.headers)
    await given_up_on(pipeline, "ledger")
    async with workers("routing"):
        (letter,) = await eventually(pipeline.dead_letters)
        await eventually(lambda: swept(pipeline))
    assert (letter.subject, letter.body) == (usage.subject, usage.body)
    assert not await pipeline.terminals("spent")
    assert not await pipeline.stored(USAGE)


async def test_a_message_whose_sender_is_unknown_is_kept_for_an_operator(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    await pipeline.publish("penstock.v1.inference.requested.interactive.acme", b"\xff")
    await given_up_on(pipeline)
    async with workers("routing"):
        (letter,) = await eventually(pipeline.dead_letters)
        await eventually(lambda: swept(pipeline))
    assert letter.body == b"\xff"
    assert not await pipeline.stored(REQUESTED)


async def test_a_message_that_was_settled_in_the_meantime_is_left_in_peace(
    pipeline: Pipeline, workers: StartWorkers
) -> None:
    request_id = await pipeline.publish_request()
    await given_up_on(pipeline)
    await pipeline.js.delete_msg(REQUESTED, 1)
    async with workers("routing"):
        await eventually(lambda: swept(pipeline))
    assert not await pipeline.dead_letters()
    assert not await pipeline.terminals(request_id)


async def test_an_advisory_that_is_none_stops_nothing(pipeline: Pipeline, workers: StartWorkers) -> None:
    for body in (b"\xff", b"[]", orjson.dumps({"stream": REQUESTED})):
        await pipeline.publish(ADVISORY, body)
    request_id = await pipeline.publish_request()
    await given_up_on(pipeline)
    async with workers("routing"):
        await eventually(lambda: pipeline.failed(request_id))
        await eventually(lambda: swept(pipeline))
    assert [letter.stage for letter in await pipeline.dead_letters()].count("sweeper") == 3
