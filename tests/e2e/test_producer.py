"""The producers' door: any NATS client publishes a prompt and gets its result. Nothing of Penstock is imported here."""

import asyncio
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from tests.e2e.running import Penstock
from tests.support.waiting import eventually

README = Path(__file__).parents[2] / "README.md"
STREAMS = {"interactive": "RESULTS", "batch": "RESULTS_ASYNC"}
lanes = pytest.mark.parametrize("lane", STREAMS)


class Producer:
    """A service that publishes prompts for one tenant."""

    def __init__(self, client: Client) -> None:
        self.js: JetStreamContext = client.jetstream()
        self.tenant = f"team-{uuid.uuid4().hex[:8]}"

    async def publish(self, lane: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        await self.js.publish(f"penstock.v1.inference.requested.{lane}.{self.tenant}", body, headers=headers)

    async def ask(self, lane: str, question: str, **fields: Any) -> str:
        """Publish a prompt; the request id that its result will have."""
        request_id = uuid.uuid4().hex
        request = {"model": "sim-small", "messages": [{"role": "user", "content": question}]}
        body = {"request_id": request_id, "request": request | fields.pop("request", {}), **fields}
        await self.publish(lane, json.dumps(body).encode())
        return request_id

    async def result(self, lane: str, request_id: str) -> tuple[str, dict[str, Any]]:
        """`completed` or `failed`, and the body, from a subscription to both."""
        subject = f"penstock.v1.inference.*.{lane}.{self.tenant}.{request_id}"
        results = await self.js.subscribe(subject, stream=STREAMS[lane], ordered_consumer=True)
        message = await results.next_msg(timeout=15)
        await results.unsubscribe()
        return message.subject.split(".")[3], json.loads(message.data)


@pytest.fixture
async def producer(penstock: Penstock) -> AsyncIterator[Producer]:
    client = await nats.connect(penstock.nats)
    yield Producer(client)
    await client.close()


@lanes
async def test_a_prompt_gets_its_answer(producer: Producer, question: str, lane: str) -> None:
    request_id = await producer.ask(lane, question)
    event, body = await producer.result(lane, request_id)
    assert event == "completed"
    assert body["request_id"] == request_id
    assert body["response"]["choices"][0]["message"]["content"].startswith("Echo: What is ")
    assert (body["model"], body["cache"], body["attempts"]) == ("sim-small", "miss", 1)
    assert body["usage"]["output_tokens"] == 32
    assert float(body["cost_usd"]) > 0


@lanes
async def test_a_prompt_that_cannot_be_answered_gets_its_failure(producer: Producer, question: str, lane: str) -> None:
    request_id = await producer.ask(lane, question, request={"model": "gpt-of-nobody"})
    event, body = await producer.result(lane, request_id)
    assert event == "failed"
    assert (body["error"]["code"], body["error"]["param"], body["error"]["retryable"]) == (
        "model_not_found",
        "model",
        False,
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"request": {"messages": []}}, "messages"),
        ({"request": {"n": 0}}, "n"),
        ({"api": "openai.poems"}, "api"),
        ({"deadline": "tomorrow"}, "deadline"),
        ({"deadline": "2030-01-01T00:00:00"}, "deadline"),
        ({"cache_control": "always"}, "cache_control"),
    ],
)
async def test_a_wrong_field_is_named(producer: Producer, question: str, fields: dict[str, Any], param: str) -> None:
    request_id = await producer.ask("interactive", question, **fields)
    event, body = await producer.result("interactive", request_id)
    assert (event, body["error"]["code"], body["error"]["param"]) == ("failed", "invalid_request", param)


async def test_a_prompt_whose_deadline_has_passed_is_not_run(
    penstock: Penstock, producer: Producer, question: str
) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    request_id = await producer.ask("batch", question, deadline=past.isoformat())
    event, body = await producer.result("batch", request_id)
    assert (event, body["error"]["code"], body["attempts"]) == ("failed", "deadline_exceeded", 0)


async def test_a_stream_that_was_asked_for_comes_as_one_answer(producer: Producer, question: str) -> None:
    request_id = await producer.ask("interactive", question, request={"stream": True})
    event, body = await producer.result("interactive", request_id)
    assert event == "completed"
    assert body["response"]["object"] == "chat.completion"
    assert body["response"]["choices"][0]["finish_reason"] == "stop"


async def test_the_same_request_twice_is_one_call_and_one_result(
    penstock: Penstock, producer: Producer, question: str
) -> None:
    request_id = uuid.uuid4().hex
    request = {"model": "sim-small@latency=100", "messages": [{"role": "user", "content": question}]}
    body = json.dumps({"request_id": request_id, "request": request}).encode()
    await asyncio.gather(*(producer.publish("interactive", body) for _ in range(5)))
    assert (await producer.result("interactive", request_id))[0] == "completed"
    await eventually(lambda: _nothing_waits(penstock), what="the end of all five")
    assert await penstock.terminals(producer.tenant, request_id) == {"completed": 1}
    keys = penstock.simulator_stats()["by_idempotency_key"]
    assert {key: count for key, count in keys.items() if request_id in key} == {f"{producer.tenant}.{request_id}.1": 1}


async def test_a_producers_headers_may_name_the_request(producer: Producer, question: str) -> None:
    request_id = uuid.uuid4().hex
    request = {"model": "sim-small", "messages": [{"role": "user", "content": question}]}
    body = json.dumps({"request_id": request_id, "request": request}).encode()
    headers = {"Nats-Msg-Id": request_id, "ce-requestid": request_id, "ce-type": "penstock.inference.requested.v1"}
    await producer.publish("interactive", body, headers)
    assert (await producer.result("interactive", request_id))[0] == "completed"


@pytest.mark.parametrize(
    "subject", ["requested.urgent.acme", "requested.interactive", "requested.acme", "asked.batch.acme"]
)
async def test_a_subject_that_nobody_reads_takes_no_message(producer: Producer, subject: str) -> None:
    """What a stream acknowledges must be worked on: a lane that does not exist must not look like one."""
    with pytest.raises(nats.js.errors.NoStreamResponseError):
        await producer.js.publish(f"penstock.v1.inference.{subject}", b"{}")


def test_the_readmes_example_runs_as_it_stands(penstock: Penstock) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    examples = [block for block in blocks if "penstock.v1.inference.requested" in block]
    assert examples, "README.md has no ```python block that publishes to penstock.v1.inference.requested"
    assert "import penstock" not in examples[0]
    done = subprocess.run(
        [sys.executable, "-P", "-c", examples[0]],
        env=os.environ | {"PENSTOCK_NATS_URL": penstock.nats},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ".completed.interactive.default." in done.stdout
    assert "Echo: Hello" in done.stdout


def _nothing_waits(penstock: Penstock) -> bool:
    lines = penstock.get("/metrics").text.splitlines()
    gauges = [line for line in lines if line.startswith("penstock_queue_messages{")]
    return bool(gauges) and all(line.endswith(" 0.0") for line in gauges)
