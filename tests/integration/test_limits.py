"""Limits in the pipeline, on real parts: what passes, what is refused, and that all of it is given back."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from contracts import envelope
from contracts.errors import ErrorCode
from contracts.inference import InferenceFailed
from contracts.limits import Rooms
from infra.broker import Publisher
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Handler
from infra.limits.counted import Kind
from infra.publish_acks import PublishAcks
from infra.streams import LIMITS, VALIDATED
from tests.support.database import Database
from tests.support.limits import add_limit, counted, opened
from tests.support.pipeline import TENANT, Pipeline, Stored, new_request_id
from tests.support.simulator import MODEL, Simulator
from tests.support.waiting import eventually
from tests.support.workers import InjectedError, StartWorkers, intercepted

BEHIND = ("cache", "routing", "provider")


@pytest.fixture
async def acme(database: Database) -> AsyncIterator[Database]:
    """A database in which there is the tenant."""
    await database.execute(f"INSERT INTO tenants (id) VALUES ('{TENANT}')")
    yield database


async def failures(pipeline: Pipeline, asked: list[str]) -> list[InferenceFailed]:
    found = await asyncio.gather(*(pipeline.failed(request_id) for request_id in asked))
    return [failure for failure in found if failure is not None]


async def ask(pipeline: Pipeline, *, headers: dict[str, str] | None = None, **request: Any) -> str:
    """One request with fields of its own; no two have the same prompt."""
    request_id = new_request_id("limited")
    messages = [{"role": "user", "content": request.pop("content", request_id)}]
    body = {"model": request.pop("model", MODEL), "messages": messages, **request}
    return await pipeline.publish_request(request_id, headers=headers, request=body)


async def ended(pipeline: Pipeline, request_id: str) -> str:
    (terminal,) = await eventually(partial(pipeline.terminals, request_id), within=20, what="no end")
    return terminal.subject.split(".")[3]


async def validated_or_ended(pipeline: Pipeline, request_id: str) -> list[Stored]:
    passed = [message for message in await pipeline.stored(VALIDATED) if message.request_id == request_id]
    return passed or await pipeline.terminals(request_id)


async def nothing_is_owed(pipeline: Pipeline, database: Database) -> None:
    async def done() -> bool:
        return await opened(database) == 0 and await pipeline.held(LIMITS) == 0

    await eventually(done, within=20, what="something was not given back")


async def tokens_become(pipeline: Pipeline, used: int) -> None:
    async def done() -> bool:
        return await counted(pipeline, Kind.TOKENS) == used

    await eventually(done, within=20, what="tokens that were not taken still count")


async def test_of_two_hundred_at_once_through_two_processes_exactly_the_limit_passes(
    pipeline: Pipeline, workers: StartWorkers, acme: Database
) -> None:
    await add_limit(acme, "tenant", TENANT, requests_per_minute=50)
    async with workers("validation"), workers("validation"):
        asked = await asyncio.gather(*(ask(pipeline) for _ in range(200)))

        async def all_are_decided() -> bool:
            return await pipeline.held(VALIDATED) + len(await failures(pipeline, list(asked))) == 200

        await eventually(all_are_decided, within=30)
    assert await pipeline.held(VALIDATED) == 50
    refused = await failures(pipeline, list(asked))
    assert {failure.error.code for failure in refused} == {ErrorCode.RATE_LIMITED}
    assert all(failure.error.retryable and 55 < (failure.error.retry_after or 0) <= 65 for failure in refused)
    assert "this tenant's limit of 50 requests a minute is reached: try again in" in refused[0].error.message


async def test_requests_of_both_lanes_and_of_every_key_count_where_they_are_limited(
    pipeline: Pipeline, workers: StartWorkers, acme: Database
) -> None:
    await acme.execute(
        "INSERT INTO api_keys (id, tenant_id, secret_sha256, name, scopes) VALUES ('k1', 'acme', '', '', '{}')"
    )
    await add_limit(acme, "key", "k1", requests_per_minute=2)
    await add_limit(acme, "tenant", TENANT, requests_per_minute=4)
    await add_limit(acme, "model", "sim-other", requests_per_minute=1)
    async with workers("validation", *BEHIND):
        of_key = [await ask(pipeline, headers={envelope.KEY_ID: "k1"}) for _ in range(3)]
        assert sorted([await ended(pipeline, one) for one in of_key]) == ["completed", "completed", "failed"]
        batch = await pipeline.publish_request(new_request_id("batch"), lane="batch")
        assert await ended(pipeline, batch) == "completed"
        other = [await ask(pipeline, model="sim-other"), await ask(pipeline, model="sim-other")]
        said = sorted([await ended(pipeline, one) for one in other])
        assert said == ["completed", "failed"]
        assert await ended(pipeline, await ask(pipeline)) == "failed"
        (failure, *_) = await failures(pipeline, other)
    assert "the model «sim-other»'s limit of 1 requests" in failure.error.message
    assert await counted(pipeline, Kind.REQUESTS) == 2 + 4 + 1


async def test_tokens_are_what_was_estimated_until_it_is_known_what_was_taken(
    pipeline: Pipeline, workers: StartWorkers, acme: Database, simulator: Simulator
) -> None:
    await add_limit(acme, "tenant", TENANT, tokens_per_minute=1000)
    async with workers("validation"):
        first = await ask(pipeline, content="What is a penstock?", max_tokens=900)
        await eventually(lambda: pipeline.held(VALIDATED), within=10)
        assert 900 < await counted(pipeline, Kind.TOKENS) < 1000
        assert await ended(pipeline, await ask(pipeline, max_tokens=200)) == "failed"
        huge = await ask(pipeline, max_tokens=2000)
        assert await ended(pipeline, huge) == "failed"
        (failure,) = await failures(pipeline, [huge])
        assert "more than this tenant's limit of 1000 tokens a minute" in failure.error.message
        assert not failure.error.retryable
    async with workers("validation", *BEHIND):
        assert await ended(pipeline, first) == "completed"
        answer = await pipeline.completed(first)
        assert answer is not None
        used = answer.usage.input_tokens + answer.usage.output_tokens
        await tokens_become(pipeline, used)
        # An answer of the cache's takes nothing, and neither does what was never called.
        assert await ended(pipeline, await ask(pipeline, content="What is a penstock?", max_tokens=900)) == "completed"
        assert await ended(pipeline, await ask(pipeline, model="no-such-model", max_tokens=10)) == "failed"
        await tokens_become(pipeline, used)


async def test_as_many_are_open_as_may_be_and_each_that_ends_makes_room_for_one(
    pipeline: Pipeline, workers: StartWorkers, acme: Database
) -> None:
    await add_limit(acme, "tenant", TENANT, concurrent_requests=5, requests_per_minute=100)
    async with workers("validation"), workers("validation"):
        asked = list(await asyncio.gather(*(ask(pipeline) for _ in range(40))))

        async def all_are_decided() -> bool:
            return await pipeline.held(VALIDATED) + len(await failures(pipeline, asked)) == 40

        await eventually(all_are_decided, within=30)
        assert await pipeline.held(VALIDATED) == await opened(acme) == 5
        # What was refused for the one limit's sake is not counted against the other.
        assert await counted(pipeline, Kind.REQUESTS) == 5
        refused = await failures(pipeline, asked)
        assert "this tenant's limit of 5 open requests is reached" in refused[0].error.message
        async with workers(*BEHIND):
            await nothing_is_owed(pipeline, acme)
            unknown = [await ask(pipeline, model="no-such-model") for _ in range(5)]
            assert [await ended(pipeline, one) for one in unknown] == ["failed"] * 5
            await nothing_is_owed(pipeline, acme)
            assert await ended(pipeline, await ask(pipeline)) == "completed"
            await nothing_is_owed(pipeline, acme)


async def test_a_worker_that_dies_after_it_has_counted_a_request_has_counted_it_once(
    pipeline: Pipeline, workers: StartWorkers, acme: Database
) -> None:
    await add_limit(acme, "tenant", TENANT, requests_per_minute=3, tokens_per_minute=3000, concurrent_requests=3)
    died: set[str] = set()

    async def die(job: Job, handler: Handler) -> Outcome:
        outcome = await handler(job)
        if job.request_id not in died:
            died.add(job.request_id)
            raise InjectedError
        return outcome

    with intercepted("validation", "inference.requested", die):
        async with workers("validation", *BEHIND):
            asked = [await ask(pipeline, max_tokens=500) for _ in range(3)]
            assert [await ended(pipeline, one) for one in asked] == ["completed"] * 3
            await nothing_is_owed(pipeline, acme)
    assert died == set(asked)
    assert await counted(pipeline, Kind.REQUESTS) == 3


@pytest.mark.parametrize("more", [{}, {"concurrent_requests": 1}])
async def test_a_worker_that_dies_after_the_end_is_stored_and_before_it_is_given_back_keeps_nothing(
    pipeline: Pipeline, workers: StartWorkers, acme: Database, more: dict[str, int]
) -> None:
    await add_limit(acme, "tenant", TENANT, tokens_per_minute=3000, **more)
    acks = PublishAcks(pipeline.client)
    await acks.open()
    publisher, died = Publisher(acks, "test"), []

    async def die(job: Job, handler: Handler) -> Outcome:
        outcome = await handler(job)
        if not died:
            died.append(job.request_id)
            (terminal,) = (one for one in outcome.publications if one.terminal)
            headers = {envelope.MSG_ID: terminal.key, envelope.REQUEST_ID: job.request_id}
            await publisher.publish(terminal.subject, terminal.body, headers)
            raise InjectedError
        return outcome

    with intercepted("provider", "inference.routed", die):
        async with workers("validation", *BEHIND):
            request_id = await ask(pipeline, max_tokens=500)
            assert await ended(pipeline, request_id) == "completed"
            answer = await pipeline.completed(request_id)
            assert answer is not None
            await tokens_become(pipeline, answer.usage.input_tokens + answer.usage.output_tokens)
            await nothing_is_owed(pipeline, acme)
    assert died == [request_id]


async def test_who_waits_for_an_answer_is_told_of_the_tightest_limits_whether_it_passes_or_not(
    pipeline: Pipeline, workers: StartWorkers, acme: Database
) -> None:
    await add_limit(acme, "tenant", TENANT, requests_per_minute=2, tokens_per_minute=5000)
    await add_limit(acme, "tenant", TENANT, model=MODEL, requests_per_minute=10, tokens_per_minute=1000)
    async with workers("validation"):
        told = []
        for _ in range(3):
            request_id = await ask(pipeline, content="x" * 40, max_tokens=90)
            (decided,) = await eventually(partial(validated_or_ended, pipeline, request_id), within=20)
            told.append(Rooms.model_validate_json(decided.headers[envelope.ROOMS]))
    requests, tokens = [rooms.requests for rooms in told], [rooms.tokens for rooms in told]
    assert [room and (room.limit, room.remaining) for room in requests] == [(2, 1), (2, 0), (2, 0)]
    assert [room and (room.limit, room.remaining) for room in tokens] == [(1000, 900), (1000, 800), (1000, 800)]
    assert all(room is not None and 55 < room.reset <= 65 for room in requests)


async def test_where_nothing_is_limited_nothing_is_counted(
    pipeline: Pipeline, workers: StartWorkers, acme: Database
) -> None:
    await add_limit(acme, "tenant", TENANT, model="sim-other", requests_per_minute=1, concurrent_requests=1)
    async with workers("validation", *BEHIND):
        assert await ended(pipeline, await ask(pipeline)) == "completed"
    assert await counted(pipeline, Kind.REQUESTS) == await opened(acme) == 0
