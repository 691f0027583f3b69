"""Claim checks: bodies that are too large for a message, in the object store for as long as the message is."""

from dataclasses import replace
from typing import cast

import pytest

from contracts import envelope
from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.claims import LARGEST_BODY, Claims
from infra.dispatch.job import Job, Position
from infra.dispatch.outcome import Outcome, Publication
from infra.streams import CLAIMS
from infra.telemetry.tracing import Span
from tests.support.logs import RecordedLog
from tests.support.pipeline import TENANT, Pipeline
from tests.support.stages import running_stage
from tests.support.waiting import eventually

STREAM = f"OBJ_{CLAIMS}"
LARGE = bytes(range(256)) * (4 * LARGEST_BODY // 256) + b"!"


@pytest.fixture
def claims(pipeline: Pipeline) -> Claims:
    return Claims(pipeline.js)


def publication(body: bytes, key: str = f"{TENANT}.s-1.documents.chunked.7") -> Publication:
    return Publication("documents.chunked", "penstock.v1.documents.chunked.batch.@local", key, body, {"x-other": "1"})


def job_of(sent: Publication, tenant: str = TENANT) -> Job:
    """The message as its reader gets it."""
    position = Position("DOCUMENTS_CHUNKED", "embedding", 1, 1, 0.0)
    span = cast("Span", None)
    return Job(sent.subject, Lane.BATCH, tenant, "s-1", sent.headers, sent.body, None, position, span)


async def test_a_body_that_a_message_can_carry_stays_in_it(claims: Claims, pipeline: Pipeline) -> None:
    given = publication(b"x" * LARGEST_BODY)
    assert await claims.checked_in(given) is given
    assert await claims.body_of(job_of(given)) == given.body
    assert claims.settled(job_of(given)) is None
    assert await pipeline.held(STREAM) == 0


async def test_a_large_body_travels_beside_its_message_and_arrives_as_it_was(claims: Claims) -> None:
    sent = await claims.checked_in(publication(LARGE))
    assert (sent.body, sent.key) == (b"", publication(LARGE).key)
    assert sent.headers == {"x-other": "1", envelope.CLAIM: sent.key}
    assert await claims.body_of(job_of(sent)) == LARGE


async def test_a_message_that_is_made_again_has_one_object(claims: Claims, pipeline: Pipeline) -> None:
    await claims.checked_in(publication(LARGE))
    once = await pipeline.held(STREAM)
    again = await claims.checked_in(publication(LARGE))
    assert await pipeline.held(STREAM) == once
    assert await claims.body_of(job_of(again)) == LARGE


async def test_the_object_of_a_settled_message_is_deleted(claims: Claims, pipeline: Pipeline) -> None:
    sent = job_of(await claims.checked_in(publication(LARGE)))
    for _ in range(2):
        settled = claims.settled(sent)
        assert settled is not None
        await settled()
    assert not [kept for kept in await pipeline.stored(STREAM) if kept.subject.startswith(f"$O.{CLAIMS}.C.")]
    with pytest.raises(ContractError, match="no longer in the object store"):
        await claims.body_of(sent)


async def test_nobody_can_claim_what_is_another_tenants(claims: Claims) -> None:
    sent = await claims.checked_in(publication(LARGE))
    for thief in ("evil", "acm", "acme-2"):
        with pytest.raises(ContractError, match="another tenant's"):
            await claims.body_of(job_of(sent, thief))


async def test_an_object_store_without_room_says_try_again(claims: Claims, pipeline: Pipeline) -> None:
    config = (await pipeline.js.stream_info(STREAM)).config
    await pipeline.js.update_stream(replace(config, max_bytes=LARGEST_BODY))
    with pytest.raises(PenstockError) as raised:
        await claims.checked_in(publication(LARGE))
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.PIPELINE_UNAVAILABLE, True)


async def test_what_a_message_needed_is_given_back_once_it_is_off_its_queue(
    pipeline: Pipeline, log: RecordedLog
) -> None:
    held_when_given_back: list[int] = []

    async def settled() -> None:
        held_when_given_back.append(await pipeline.held("INFERENCE_REQUESTED"))

    async def handle(job: Job) -> Outcome:
        return Outcome("done", settled=settled)

    async with running_stage(pipeline, log.logger, handle):
        await pipeline.publish_request()
        await eventually(lambda: held_when_given_back)
    assert held_when_given_back == [0]
