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
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from tests.e2e.running import Penstock, Up
from tests.support.waiting import eventually

README = Path(__file__).parents[2] / "README.md"
STREAMS = {"interactive": "RESULTS", "batch": "RESULTS_ASYNC"}
lanes = pytest.mark.parametrize("lane", STREAMS)


class Producer:
    """A service that publishes prompts for one tenant."""

    def __init__(self, client: Client, tenant: str) -> None:
        self.client, self.tenant = client, tenant
        self.js: JetStreamContext = client.jetstream()

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
        """`completed` or `failed`, and the body: as it comes, or from the stream where it has come already."""
        subject = f"penstock.v1.inference.*.{lane}.{self.tenant}.{request_id}"
        coming = await self.client.subscribe(subject)
        try:
            message = await self.js.get_last_msg(STREAMS[lane], subject, direct=True)
        except NotFoundError:
            message = await coming.next_msg(timeout=15)
        await coming.unsubscribe()
        return message.subject.split(".")[3], json.loads(message.data)


@pytest.fixture(scope="module")
def tenant() -> str:
    return f"team-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def creds(penstock: Penstock, tenant: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tenant's NATS credentials, made as an operator makes them."""
    return issued(penstock, tenant, tmp_path_factory.mktemp("creds") / "team.creds")


def issued(penstock: Penstock, tenant: str, path: Path) -> Path:
    penstock.run("tenant", "create", tenant)
    done = penstock.run("tenant", "nats-creds", tenant, "--output", str(path), "--expires", "1h")
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    return path


@pytest.fixture
async def producer(penstock: Penstock, tenant: str, creds: Path) -> AsyncIterator[Producer]:
    client = await nats.connect(penstock.nats, user_credentials=creds)
    yield Producer(client, tenant)
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
async def test_a_subject_that_nobody_reads_takes_no_message(penstock: Penstock, subject: str) -> None:
    """What a stream acknowledges must be worked on: a lane that does not exist must not look like one."""
    client = await penstock.connect()
    with pytest.raises(nats.js.errors.NoStreamResponseError):
        await client.jetstream().publish(f"penstock.v1.inference.{subject}", b"{}")
    await client.close()


async def test_whose_a_prompt_is_its_subject_says_and_nothing_else(
    penstock: Penstock, producer: Producer, question: str
) -> None:
    key_of_another = penstock.key.split("_")[1]
    request_id = uuid.uuid4().hex
    request = {"model": "sim-small", "messages": [{"role": "user", "content": question}]}
    body = {"request_id": request_id, "request": request, "tenant": "default", "key_id": key_of_another}
    claims = {"ce-tenant": "default", "ce-keyid": key_of_another}
    await producer.publish("interactive", json.dumps(body).encode(), claims)
    assert (await producer.result("interactive", request_id))[0] == "completed"
    (row,) = await asyncio.to_thread(penstock.ledger, request_id)
    assert (row["tenant_id"], row["key_id"]) == (producer.tenant, None)
    assert not await penstock.terminals("default", request_id)


async def test_deltas_come_under_the_tenants_own_name_and_no_other(producer: Producer, question: str) -> None:
    deltas = await producer.client.subscribe(f"penstock.v1.inference.delta.{producer.tenant}.*")
    for ingress, ended in ((producer.tenant, "completed"), ("default", "failed")):
        request_id = uuid.uuid4().hex
        request = {"model": "sim-small", "stream": True, "messages": [{"role": "user", "content": question}]}
        body = json.dumps({"request_id": request_id, "request": request}).encode()
        await producer.publish("interactive", body, {"ce-ingress": ingress})
        event, said = await producer.result("interactive", request_id)
        assert event == ended
        if ended == "completed":
            assert (await deltas.next_msg(timeout=5)).subject.endswith(f".{request_id}")
        else:
            assert said["error"]["param"] == "ce-ingress"


async def test_revoked_credentials_are_cut_off(penstock: Penstock, tmp_path: Path) -> None:
    tenant, path, gone = f"team-{uuid.uuid4().hex[:8]}", tmp_path / "gone.creds", asyncio.Event()

    async def closed() -> None:
        gone.set()

    await asyncio.to_thread(issued, penstock, tenant, path)
    client = await nats.connect(penstock.nats, user_credentials=path, allow_reconnect=False, closed_cb=closed)
    assert (await asyncio.to_thread(penstock.run, "tenant", "nats-revoke", tenant)).returncode == 0
    await asyncio.wait_for(gone.wait(), 10)
    assert client.is_closed
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(penstock.nats, user_credentials=path, allow_reconnect=False)
    await asyncio.to_thread(issued, penstock, tenant, path)
    await (await nats.connect(penstock.nats, user_credentials=path)).close()


def test_the_readmes_example_runs_as_it_stands(penstock: Penstock, up: Up) -> None:
    """With the credentials that `penstock up` has made for the first tenant."""
    default_creds = up.told()["nats_creds"]
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    examples = [block for block in blocks if "penstock.v1.inference.requested" in block]
    assert examples, "README.md has no ```python block that publishes to penstock.v1.inference.requested"
    assert "import penstock" not in examples[0]
    done = subprocess.run(
        [sys.executable, "-P", "-c", examples[0]],
        env=os.environ | {"PENSTOCK_NATS_URL": penstock.nats, "PENSTOCK_NATS_CREDS": default_creds},
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
