"""Identical prompts at once: one of them goes to a model, the others get its answer, and none is ever lost."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from contracts import envelope, subjects
from contracts.errors import ErrorCode
from contracts.inference import ErrorBody
from contracts.subjects import Lane
from infra.streams import CACHE, USAGE, WAITING
from tests.support.flights import Flight
from tests.support.pipeline import TENANT, Pipeline
from tests.support.waiting import eventually
from tests.support.workers import RunningWorkers, StartWorkers

UNAVAILABLE = ErrorBody(code=ErrorCode.PROVIDER_UNAVAILABLE, message="nobody answers", stage="provider")
LEFT = ErrorBody(code=ErrorCode.CANCELLED, message="the caller went away", stage="provider")


@pytest.fixture
async def worker(workers: StartWorkers) -> AsyncIterator[RunningWorkers]:
    """A process with the cache worker."""
    async with workers("cache") as running:
        yield running


@pytest.fixture
def flight(pipeline: Pipeline) -> Flight:
    """Requests for a prompt that nobody has asked before."""
    return Flight(pipeline, "Why is the sky blue?")


pytestmark = pytest.mark.usefixtures("worker")


async def nothing_waits(pipeline: Pipeline) -> bool:
    return await pipeline.held(WAITING) == 0


async def test_one_call_answers_all_of_them(pipeline: Pipeline, flight: Flight) -> None:
    leader, rest = await flight.together(3)
    answer = await flight.complete(leader)
    for request_id in rest:
        found = await flight.answered(request_id)
        assert (found.request_id, found.cache, found.response) == (request_id, "coalesced", answer.response)
        assert (found.attempts, found.cost_usd, found.saved_usd) == (0, Decimal(0), answer.cost_usd)
    assert [sent.request_id for sent in await flight.sent()] == [leader]
    await eventually(lambda: nothing_waits(pipeline))
    rows = {row["request_id"]: row for row in [stored.json() for stored in await pipeline.stored(USAGE)]}
    assert rows.keys() == set(rest)
    assert {row["cache"] for row in rows.values()} == {"coalesced"}


async def test_who_comes_after_the_answer_has_a_hit(flight: Flight) -> None:
    leader, _ = await flight.together(0)
    await flight.complete(leader)

    async def status() -> bool:
        found = await flight.answered(await flight.ask())
        return found.cache == "hit"

    await eventually(status)
    assert [sent.request_id for sent in await flight.sent()] == [leader]


async def test_another_tenant_never_waits_for_it(flight: Flight) -> None:
    leader, _ = await flight.together(0)
    other = await flight.ask(tenant="globex")
    assert (await flight.leads(other)).headers[envelope.CACHE_KEY] == (await flight.leads(leader)).headers[
        envelope.CACHE_KEY
    ]


@pytest.mark.parametrize("control", ["no-cache", "no-store"])
async def test_who_wants_no_cached_answer_waits_for_none(flight: Flight, control: str) -> None:
    await flight.together(0)
    await flight.leads(await flight.ask(headers={envelope.CACHE_CONTROL: control}))


async def test_what_no_model_answers_the_leader_nobody_asks_again_for_those_who_waited(flight: Flight) -> None:
    leader, rest = await flight.together(2)
    await flight.fail(leader, UNAVAILABLE)
    for request_id in rest:
        assert (await flight.failed(request_id)).error == UNAVAILABLE
    assert [sent.request_id for sent in await flight.sent()] == [leader]


async def test_who_comes_after_a_failure_tries_for_himself(flight: Flight) -> None:
    leader, _ = await flight.together(0)
    await flight.fail(leader, UNAVAILABLE)
    await flight.leads(await flight.ask())


async def test_the_leader_that_goes_is_followed_by_one_other(flight: Flight) -> None:
    leader, rest = await flight.together(3)
    await flight.fail(leader, LEFT)
    await eventually(lambda: _count(flight, 2))
    second = (await flight.sent())[-1].request_id
    assert second in rest
    answer = await flight.complete(second)
    for request_id in set(rest) - {second}:
        assert (await flight.answered(request_id)).response == answer.response
    assert len(await flight.sent()) == 2


async def _count(flight: Flight, number: int) -> bool:
    return len(await flight.sent()) == number


async def test_a_key_without_money_fails_for_itself_alone(flight: Flight) -> None:
    leader = await flight.ask(headers={envelope.KEY_ID: "poor"})
    await flight.leads(leader)
    same, other = [await flight.ask(headers={envelope.KEY_ID: key}) for key in ("poor", "rich")]
    for request_id in (same, other):
        await flight.waits(request_id)
    spent = ErrorBody(code=ErrorCode.INSUFFICIENT_QUOTA, message="the budget is spent", stage="provider")
    await flight.fail(leader, spent)
    assert (await flight.failed(same)).error == spent
    await flight.leads(other)


async def test_nobody_waits_beyond_his_deadline(flight: Flight) -> None:
    await flight.together(0)
    hasty = await flight.ask(seconds=0.5)
    assert (await flight.failed(hasty)).error.code == ErrorCode.DEADLINE_EXCEEDED


async def test_who_leaves_waits_no_more(pipeline: Pipeline, flight: Flight) -> None:
    _, (leaving, staying) = await flight.together(2)
    await pipeline.client.publish(subjects.cancel(leaving))
    assert (await flight.failed(leaving)).error.code == ErrorCode.CANCELLED
    await pipeline.client.publish(subjects.cancel_of("globex", staying))
    await flight.waits(staying)


async def test_a_worker_that_stops_loses_nobody(
    pipeline: Pipeline, flight: Flight, worker: RunningWorkers, workers: StartWorkers
) -> None:
    leader, rest = await flight.together(3)
    await worker.stop()
    await flight.complete(leader)
    async with workers("cache"):
        for request_id in rest:
            assert (await flight.answered(request_id)).cache == "coalesced"
        await eventually(lambda: nothing_waits(pipeline))
    assert len(await flight.sent()) == 1


async def test_a_leader_whose_worker_died_before_it_was_sent_on_still_leads(pipeline: Pipeline, flight: Flight) -> None:
    probe = Flight(pipeline, flight.content)
    first = await probe.ask(tenant="globex")
    key = (await probe.leads(first)).headers[envelope.CACHE_KEY]
    told = {envelope.LEADER: "together-x", envelope.LANE: Lane.INTERACTIVE}
    await pipeline.publish(subjects.cache_entry(TENANT, key), b"", told)
    await flight.waits(await flight.ask())
    headers = {envelope.REQUEST_ID: "together-x", envelope.MSG_ID: "together-x"}
    await flight.ask(headers=headers)
    await flight.leads("together-x")


async def test_no_person_waits_for_bulk_work(flight: Flight) -> None:
    bulk = await flight.ask(lane=Lane.BATCH)
    await flight.leads(bulk)
    await flight.waits(await flight.ask(lane=Lane.BATCH))
    person = await flight.ask()
    await flight.leads(person)
    await flight.waits(await flight.ask())


async def test_a_filtered_answer_is_given_to_those_who_waited_and_to_nobody_after_them(
    pipeline: Pipeline, flight: Flight
) -> None:
    leader, (waiting,) = await flight.together(1)
    answer = await flight.complete(leader, finish_reason="content_filter")
    assert (await flight.answered(waiting)).response == answer.response
    await flight.leads(await flight.ask())
    assert not [stored for stored in await pipeline.stored(CACHE) if stored.body]
