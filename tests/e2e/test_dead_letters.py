"""Messages that are no contract: kept with their reason, in nobody's way, until an operator decides."""

import json
import re
import uuid
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from tests.e2e.otlp_sink import OtlpSink
from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support.waiting import eventually


@pytest.fixture
async def door(penstock: Penstock) -> AsyncIterator[Client]:
    client = await penstock.connect()
    yield client
    await client.close()


def listed(penstock: Penstock) -> dict[str, str]:
    """The lines of `penstock dlq list`, by the number of the letter."""
    done = penstock.run("dlq", "list")
    assert done.returncode == 0, done.stderr
    return {found[1]: line for line in done.stdout.splitlines() if (found := re.match(r"│ (\d+) ", line))}


async def letter_with(door: Client, text: str, *, after: int = 0) -> int:
    """The number of the newest dead letter, once that is one with a text in it and newer than `after`."""

    async def found() -> int | None:
        try:
            newest = await door.jetstream().get_last_msg("DEADLETTER", "penstock.v1.deadletter.validation")
        except NotFoundError:
            return None
        return newest.seq if text.encode() in (newest.data or b"") and (newest.seq or 0) > after else None

    return await eventually(found, what=f"a dead letter with {text}")


async def publish(door: Client, body: bytes, tenant: str = "acme") -> None:
    await door.jetstream().publish(f"penstock.v1.inference.requested.interactive.{tenant}", body)


@pytest.mark.parametrize(
    ("body", "tenant", "reason"),
    [
        pytest.param(b"\x00\xff MARK {", "acme", "request_id must be", id="no text"),
        pytest.param(b'{"request": {}, "x": "MARK"}', "acme", "request_id must be", id="no id"),
        pytest.param(b'{"request_id": "not so", "x": "MARK"}', "acme", "request_id must be", id="an id with a space"),
        pytest.param(b'{"request_id": 7, "x": "MARK"}', "acme", "request_id must be", id="a number for an id"),
        pytest.param(b'["MARK"]', "acme", "request_id must be", id="a list"),
        pytest.param(b'{"request_id": "MARK"}', "ac!me", "names no tenant", id="a tenant that can't be one"),
    ],
)
async def test_what_is_no_contract_is_kept_with_its_reason(door: Client, body: bytes, tenant: str, reason: str) -> None:
    mark = uuid.uuid4().hex
    await publish(door, body.replace(b"MARK", mark.encode()), tenant)
    letter = await door.jetstream().get_msg("DEADLETTER", await letter_with(door, mark))
    assert letter.data == body.replace(b"MARK", mark.encode())
    headers = letter.headers or {}
    assert reason in headers["penstock-reason"]
    assert headers["penstock-stage"] == "validation"
    assert headers["penstock-subject"] == f"penstock.v1.inference.requested.interactive.{tenant}"
    assert headers["penstock-deliveries"] == "1"


async def test_an_operator_sees_where_it_came_from_and_why(penstock: Penstock, door: Client) -> None:
    mark = uuid.uuid4().hex
    await publish(door, mark.encode())
    number = str(await letter_with(door, mark))
    line = listed(penstock)[number]
    assert "request_id must be 1 to 128 letters" in line
    assert "validation" in line
    shown = penstock.run("dlq", "show", number).stdout
    assert "penstock-subject: penstock.v1.inference.requested.interactive.acme" in shown
    assert shown.endswith(f"{mark}\n")


async def test_they_stand_in_nobodys_way(penstock: Penstock, door: Client, question: str) -> None:
    mark = uuid.uuid4().hex
    for _ in range(50):
        await publish(door, f"poison {mark}".encode())
    with penstock.client() as client:
        answer = client.chat.completions.create(
            model="sim-small", messages=[{"role": "user", "content": question}], timeout=3
        )
    assert answer.choices[0].finish_reason == "stop"
    until(lambda: len(listed(penstock)) >= 50, "fifty dead letters")
    assert penstock.run("dlq", "discard", "--all").returncode == 0
    assert listed(penstock) == {}


async def test_a_redriven_message_goes_where_it_was(penstock: Penstock, door: Client) -> None:
    mark = uuid.uuid4().hex
    await publish(door, mark.encode())
    first = await letter_with(door, mark)
    done = penstock.run("dlq", "redrive", str(first))
    assert done.returncode == 0, done.stderr
    assert "published to penstock.v1.inference.requested.interactive.acme" in done.stdout
    again = await letter_with(door, mark, after=first)
    letters = listed(penstock)
    assert str(first) not in letters
    assert str(again) in letters
    assert f"penstock-redriven-from: {first}" in penstock.run("dlq", "show", str(again)).stdout
    assert penstock.run("dlq", "discard", str(again)).returncode == 0
    assert str(again) not in listed(penstock)


async def test_a_redriven_prompt_is_a_new_request_with_a_result_of_its_own(
    penstock: Penstock, door: Client, spans: OtlpSink, question: str
) -> None:
    """What a stage gave up on lies here as it does after an outage."""
    old_trace = uuid.uuid4().hex
    request_id = uuid.uuid4().hex
    request = {"model": "sim-small", "messages": [{"role": "user", "content": question}]}
    body = json.dumps({"request_id": request_id, "request": request, "deadline": "2020-01-01T00:00:00Z"})
    headers = {
        "ce-requestid": request_id,
        "penstock-reason": "the provider stage failed on this message",
        "penstock-stage": "provider",
        "traceparent": f"00-{old_trace}-{'1' * 16}-01",
        "penstock-subject": "penstock.v1.inference.requested.interactive.acme",
    }
    ack = await door.jetstream().publish("penstock.v1.deadletter.provider", body.encode(), headers=headers)
    done = penstock.run("dlq", "redrive", str(ack.seq))
    assert done.returncode == 0, done.stderr
    new_id = f"{request_id}-r{ack.seq}"
    assert new_id in done.stdout
    results = await door.jetstream().subscribe(
        f"penstock.v1.inference.*.interactive.acme.{new_id}", stream="RESULTS", ordered_consumer=True
    )
    message = await results.next_msg(timeout=10)
    assert message.subject.split(".")[3] == "completed"
    new_trace = (message.headers or {})["traceparent"].split("-")[1]
    name = "process penstock.v1.inference.requested.{lane}.{tenant}"
    assert spans.wait_for(new_trace, lambda trace: trace.has(name)).one(name).links == (old_trace,)
    assert penstock.run("dlq", "show", str(ack.seq)).returncode == 1


def test_a_letter_that_is_not_there_is_one_sentence(penstock: Penstock) -> None:
    for command in ("show", "redrive", "discard"):
        done = penstock.run("dlq", command, "999999")
        assert done.returncode == 1
        assert done.stderr == "penstock: there is no dead letter 999999\n"
