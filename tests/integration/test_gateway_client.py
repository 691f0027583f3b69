"""A worker asks a model of the catalogue: through the pipeline, so that it is routed, retried and paid as any call."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts import subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.broker import Publisher, connect
from infra.gateway import GatewayClient
from infra.simulator.embeddings import vector_of
from infra.streams import REQUESTED
from infra.telemetry.tracing import Tracer
from tests.support.database import Database
from tests.support.logs import RecordedLog
from tests.support.pipeline import TENANT, Pipeline
from tests.support.simulator import DEPLOYMENT, Simulator
from tests.support.waiting import eventually
from tests.support.workers import StartWorkers

GATEWAY = ("validation", "cache", "routing", "provider", "ledger")
MODEL = "sim-embedding"


@pytest.fixture
async def client(pipeline: Pipeline, log: RecordedLog) -> AsyncIterator[GatewayClient]:
    connection = await connect(pipeline.settings, "test", log.logger)
    client = GatewayClient(connection, Publisher(connection.acks, "test"), Tracer("test", None))
    await client.open()
    yield client
    await client.close()
    await connection.close()


@pytest.mark.parametrize("lane", list(Lane))
async def test_texts_get_their_vectors_and_their_tenant_pays(
    client: GatewayClient, workers: StartWorkers, database: Database, simulator: Simulator, lane: Lane
):
    async with workers(*GATEWAY):
        answer = await client.embed(TENANT, MODEL, ["one", "two"], lane=lane, parent=None, patience=20)
    assert answer.vectors == [vector_of(MODEL, text, 1536) for text in ("one", "two")]
    assert answer.deployment == DEPLOYMENT
    (row,) = await database.rows("SELECT tenant_id, model, status, input_tokens FROM usage")
    assert row == {"tenant_id": TENANT, "model": MODEL, "status": "completed", "input_tokens": 2}


async def test_a_failure_of_the_provider_is_raised_as_it_is_and_was_retried_before(
    client: GatewayClient, workers: StartWorkers, simulator: Simulator
):
    async with workers(*GATEWAY):
        with pytest.raises(PenstockError) as raised:
            await client.embed(TENANT, "sim-error-429@retry=0.01", ["one"], lane=Lane.BATCH, parent=None, patience=20)
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.RATE_LIMITED, True)
    assert sum(simulator.stats()["by_idempotency_key"].values()) > 1


async def test_a_result_that_nobody_was_told_of_is_read_from_its_stream(
    pipeline: Pipeline, log: RecordedLog, workers: StartWorkers
):
    connection = await connect(pipeline.settings, "test", log.logger)
    deaf = GatewayClient(connection, Publisher(connection.acks, "test"), Tracer("test", None))
    async with workers(*GATEWAY):
        answer = await deaf.embed(TENANT, MODEL, ["one"], lane=Lane.BATCH, parent=None, patience=20)
    assert len(answer.vectors) == 1
    await connection.close()


async def test_whoever_waits_when_it_is_closed_is_told_and_so_is_the_pipeline(
    client: GatewayClient, pipeline: Pipeline
):
    cancelled = await pipeline.client.subscribe(subjects.cancel("*"))
    asking = asyncio.create_task(client.embed(TENANT, MODEL, ["one"], lane=Lane.BATCH, parent=None, patience=20))
    await eventually(lambda: pipeline.held(REQUESTED))
    await client.close()
    with pytest.raises(PenstockError) as raised:
        await asking
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.PIPELINE_UNAVAILABLE, True)
    (request,) = await pipeline.stored(REQUESTED)
    assert (await cancelled.next_msg(timeout=5)).subject == subjects.cancel(request.request_id or "")
