"""A message that was worked on and comes again as if it were new.

A work queue forgets what it no longer holds, its message ids too, when NATS restarts. A worker that died between a
publish and its ack then sends the same prompt on once more, and the server takes it for a new one.
"""

import asyncio
import uuid

import aiohttp
from nats.aio.client import Client

from tests.faults.books import read_books, settled, simulator_stats
from tests.faults.instance import Instance
from tests.faults.load import ask
from tests.faults.wire import ATTEMPTED, ROOT, Wire

ROUTED, COMPLETED = "inference.routed", "inference.completed"


async def send_again(client: Client, wire: Wire) -> None:
    """The first routed message that was seen, under a message id that the server does not know."""
    message = wire.heard[ROUTED][0]
    headers = {**(message.headers or {}), "Nats-Msg-Id": uuid.uuid4().hex}
    await client.jetstream().publish(message.subject, message.data, headers=headers)


async def check_one_call(instance: Instance, request_id: str) -> None:
    books = (await read_books(instance)).of({request_id})
    books.check({request_id})
    assert (books.statuses, len(books.calls)) == ({"completed": 1}, 1)


async def test_a_copy_of_an_answered_prompt_is_not_called_again(
    instance: Instance, client: Client, http: aiohttp.ClientSession
) -> None:
    wire = await Wire(client, ROUTED).listen()
    answer = await ask(http, "sim-small")
    assert answer.what == "whole 200"
    await settled(instance)
    await send_again(client, wire)
    await settled(instance)
    await check_one_call(instance, answer.request_id)


async def test_a_copy_of_a_prompt_whose_call_is_on_its_way_is_left_to_that_call(
    instance: Instance, client: Client, http: aiohttp.ClientSession
) -> None:
    wire = await Wire(client, ROUTED, ATTEMPTED).listen()
    asking = asyncio.create_task(ask(http, "sim-small@latency=2000"))
    await wire.until(ATTEMPTED, 1)
    await send_again(client, wire)
    answer = await asking
    assert answer.what == "whole 200"
    await settled(instance)
    assert len(wire.heard[ROUTED]) == 2
    await check_one_call(instance, answer.request_id)


async def test_two_copies_at_once_are_one_call(instance: Instance, client: Client) -> None:
    """As after a restart in which the original was not yet worked on."""
    wire = await Wire(client, ROUTED, ATTEMPTED).listen()
    calls = (await simulator_stats(instance))["calls"]
    request_id = uuid.uuid4().hex
    headers = {
        "ce-requestid": request_id,
        "ce-tenant": "default",
        "ce-api": "openai.chat_completions",
        "ce-model": "sim-small@latency=300",
        "ce-deployments": "quick/sim",
    }
    body = (
        b'{"request_id": "%s", "request": {"messages": [{"role": "user", "content": "Hello"}]}}' % request_id.encode()
    )
    for _ in range(10):
        await client.publish(f"{ROOT}.{ROUTED}.interactive.quick", body, headers=headers)
    await wire.until(ATTEMPTED, 1)
    await settled(instance)
    assert (await simulator_stats(instance))["calls"] == calls + 1
    await check_one_call(instance, request_id)
