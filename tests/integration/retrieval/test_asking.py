"""The ingress and the retrieval worker: who asks gets an answer, also where a worker died with the question in hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from api.observed import Visit
from api.retrieval import asking
from api.retrieval.asking import Patience, ask
from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from infra.telemetry.tracing import Tracer, parse_traceparent
from tests.support.servers import Server

SUBJECT = "penstock.v1.retrieval.requested.asking"
LONG = Patience(whole=20, again_after=20)


@pytest.fixture
async def client(nats_server: Server) -> AsyncIterator[Client]:
    client = await nats.connect(nats_server.url)
    yield client
    await client.close()


def visit() -> Visit:
    return Visit("r-1", Tracer("api", None).start("POST", mock.Mock(), None, {}))


async def asked(client: Client, patience: Patience = LONG) -> dict[str, Any]:
    gateway = mock.Mock()
    gateway.connection.client = client
    return await ask(gateway, visit(), SUBJECT, b"{}", patience)


class Worker:
    """Answers each request with the next of `answers`; None is a worker that dies before it answers."""

    def __init__(self, *answers: dict[str, Any] | None) -> None:
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = []

    async def start(self, client: Client) -> None:
        await client.subscribe(SUBJECT, "retrieval", cb=self._answer)
        await client.flush()

    async def _answer(self, message: Msg) -> None:
        self.headers.append(message.headers or {})
        answer = self.answers.pop(0)
        if answer is not None:
            await message.respond(json.dumps(answer).encode())


async def test_the_answer_comes_back_and_the_span_goes_along(client: Client):
    worker = Worker({"hits": [1]})
    await worker.start(client)
    assert await asked(client) == {"hits": [1]}
    (headers,) = worker.headers
    assert headers[envelope.REQUEST_ID] == "r-1"
    assert parse_traceparent(headers[envelope.TRACEPARENT]) is not None


async def test_an_error_is_raised_as_the_worker_told_it(client: Client):
    error = {"code": "not_found", "message": "it is not there", "stage": "index", "param": "store"}
    await Worker({"error": error}).start(client)
    with pytest.raises(PenstockError, match="it is not there") as raised:
        await asked(client)
    assert (raised.value.code, raised.value.param) == (ErrorCode.NOT_FOUND, "store")


async def test_a_question_that_died_with_its_worker_is_asked_again(client: Client):
    await Worker(None, {"hits": []}).start(client)
    assert await asked(client, Patience(whole=20, again_after=0.1)) == {"hits": []}


async def test_a_worker_that_is_on_its_way_is_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch):
    tried, request = asyncio.Event(), client.request

    async def try_once(*arguments: Any, **options: Any) -> Msg:
        try:
            return await request(*arguments, **options)
        finally:
            tried.set()

    monkeypatch.setattr(client, "request", try_once)
    waiting = asyncio.create_task(asked(client))
    await tried.wait()
    assert not waiting.done()
    await Worker({"hits": []}).start(client)
    assert await waiting == {"hits": []}


async def test_where_nobody_is_there_the_caller_is_told_to_come_back(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "_STARTING", 0.2)
    with pytest.raises(PenstockError, match="no retrieval worker") as raised:
        await asked(client)
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.PIPELINE_UNAVAILABLE, True)


async def test_patience_ends(client: Client):
    await Worker(None, None, None, None).start(client)
    with pytest.raises(PenstockError) as raised:
        await asked(client, Patience(whole=0.3, again_after=0.1))
    assert raised.value.code == ErrorCode.PIPELINE_UNAVAILABLE
