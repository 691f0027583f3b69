"""Responses in the background: what its caller has ended stays ended, and what is wrong is told at once."""

import os
import signal
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock, Up
from tests.e2e.waiting import until
from tests.support.waiting import eventually


def begin(client: OpenAI, question: str, model: str = "sim-slow@latency=1500") -> str:
    response = client.responses.create(model=model, input=question, background=True)
    assert response.status == "queued"
    return response.id


def calls(penstock: Penstock) -> int:
    return int(penstock.simulator_stats()["in_flight"])


def terminal_of(penstock: Penstock, response_id: str) -> Any:
    return penstock.sql("SELECT status FROM usage WHERE request_id = %s", response_id.removeprefix("resp_"))


def test_one_that_is_deleted_while_it_is_made_is_stopped_and_stays_deleted(
    penstock: Penstock, client: OpenAI, question: str
) -> None:
    response_id = begin(client, question, "sim-slow@latency=20000")
    until(lambda: calls(penstock), "the call")
    client.responses.delete(response_id)
    until(lambda: not calls(penstock), "the end of the call")
    until(lambda: terminal_of(penstock, response_id), "its row")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response_id)


async def test_one_that_is_cancelled_while_its_worker_is_dead_is_never_called(
    up: Up, penstock: Penstock, client: OpenAI, question: str
) -> None:
    worker = up.pid("worker-all")
    os.kill(worker, signal.SIGSTOP)
    try:
        response_id = begin(client, question, "sim-small")
        # Whoever would have heard this dies before it can.
        assert client.responses.cancel(response_id).status == "cancelled"
    finally:
        os.kill(worker, signal.SIGKILL)
    request_id = response_id.removeprefix("resp_")

    async def ended() -> bool:
        return await penstock.terminals("default", request_id, "batch") == {"failed": 1}

    await eventually(ended, within=30, what="the request has no end")
    assert client.responses.retrieve(response_id).status == "cancelled"
    assert not [key for key in penstock.simulator_stats()["by_idempotency_key"] if request_id in key]


def test_its_time_of_birth_stays(client: OpenAI, question: str) -> None:
    queued = client.responses.create(model="sim-small@latency=1100", input=question, background=True)
    done = until(
        lambda: found if (found := client.responses.retrieve(queued.id)).status == "completed" else None, "its end", 20
    )
    assert done.created_at == queued.created_at


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"temperature": "hot"}, 400, "temperature"),
        ({"input": []}, 400, "input"),
        ({"model": "gpt-of-nobody"}, 404, "model"),
        ({"stream": True}, 400, "stream"),
        ({"store": False}, 400, "store"),
    ],
)
def test_what_is_plainly_wrong_is_told_at_once(
    client: OpenAI, question: str, change: dict[str, Any], status: int, param: str
) -> None:
    body = {"model": "sim-small", "input": question, "background": True, **change}
    with pytest.raises(openai.APIStatusError) as raised:
        client.post("/responses", cast_to=object, body=body)
    assert (raised.value.status_code, raised.value.body["param"]) == (status, param)  # type: ignore[index]


def test_a_stream_that_broke_off_goes_on_where_it_was(client: OpenAI, question: str) -> None:
    response = client.responses.create(model="sim-small", input=question)
    whole = [event.sequence_number for event in client.responses.retrieve(response.id, stream=True)]
    rest = client.responses.retrieve(response.id, stream=True, starting_after=3)
    assert [event.sequence_number for event in rest] == [number for number in whole if number > 3]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=%D9%A3", "after=nothing"])
def test_a_page_that_is_none_is_refused(client: OpenAI, question: str, query: str) -> None:
    response = client.responses.create(model="sim-small", input=question)
    with pytest.raises(openai.BadRequestError):
        client.get(f"/responses/{response.id}/input_items?{query}", cast_to=object)
