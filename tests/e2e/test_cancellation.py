"""A client that leaves stops the provider's work, and what was used until then is in the books."""

import asyncio
import time
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.e2e.running import Penstock
from tests.e2e.waiting import until
from tests.support.waiting import eventually

SOON = 0.25
"""Seconds within which the provider's call must be ended."""


def cancelled_at(penstock: Penstock) -> float:
    """When the simulator saw that its caller was gone, in seconds since 1970."""
    stats = until(lambda: (found := penstock.simulator_stats())["cancelled"] and found, "a cancelled call")
    assert stats["cancelled"] == 1
    assert stats["in_flight"] == 0
    return float(stats["last_cancel_unix_s"])


async def assert_cancelled_and_recorded(penstock: Penstock, request_id: str) -> dict[str, Any]:
    """One attempt is in the ledger, as cancelled; one terminal message is stored, `failed`. Returns the row."""
    await eventually(lambda: penstock.terminals("default", request_id), what="the terminal message")
    assert await penstock.terminals("default", request_id) == {"failed": 1}
    failure = await penstock.failure("default", request_id)
    assert (failure["error"]["code"], failure["attempts"]) == ("cancelled", 1)
    (row,) = penstock.ledger(request_id)
    assert (failure["usage"]["output_tokens"], failure["usage"]["estimated"]) == (row["output_tokens"], True)
    assert (row["status"], row["error_code"], row["attempt"]) == ("cancelled", "cancelled", 1)
    assert row["estimated"] is True
    assert row["input_tokens"] > 0
    assert row["cost_usd"] > 0
    return row


async def test_leaving_a_stream_stops_it(penstock: Penstock, client: OpenAI, question: str) -> None:
    penstock.reset_simulator_stats()
    stream = client.chat.completions.create(
        model="sim-small@tps=20,tokens=200", messages=[{"role": "user", "content": question}], stream=True
    )
    heard = ""
    for chunk in stream:
        heard += chunk.choices[0].delta.content or ""
        if len(heard) > 40:
            break
    left = time.time()
    stream.response.close()
    assert cancelled_at(penstock) - left < SOON
    row = await assert_cancelled_and_recorded(penstock, stream.response.headers["x-request-id"])
    assert len(heard) / 4 - 1 < row["output_tokens"] < 60
    assert row["stream"] is True
    assert row["first_token_ms"] is not None


async def test_leaving_before_the_answer_stops_it(penstock: Penstock, question: str) -> None:
    penstock.reset_simulator_stats()
    async with penstock.async_client() as client:
        request = asyncio.create_task(_ask(client, "sim-slow", question))
        await eventually(lambda: penstock.simulator_stats()["in_flight"], what="the provider's call")
        left = time.time()
        request.cancel()
        await asyncio.wait([request])
    assert cancelled_at(penstock) - left < SOON
    (key,) = penstock.simulator_stats()["by_idempotency_key"]
    row = await assert_cancelled_and_recorded(penstock, key.split(".")[1])
    assert row["output_tokens"] == 0
    assert row["stream"] is False


async def test_a_client_whose_patience_ends_has_left(penstock: Penstock, question: str) -> None:
    penstock.reset_simulator_stats()
    async with penstock.async_client() as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_ask(client, "sim-slow", question, stream=True), 0.4)
        left = time.time()
    assert cancelled_at(penstock) - left < SOON


async def test_the_other_requests_stay(penstock: Penstock, client: OpenAI, question: str) -> None:
    penstock.reset_simulator_stats()
    asked: dict[str, Any] = {"model": "sim-small@tps=40,tokens=40", "stream": True}
    leaving, staying = (
        client.chat.completions.create(**asked, messages=[{"role": "user", "content": f"{who} {question}"}])
        for who in ("leaving", "staying")
    )
    next(iter(leaving))
    leaving.response.close()
    assert len([chunk for chunk in staying if chunk.choices[0].delta.content]) == 40
    stats = penstock.simulator_stats()
    assert (stats["cancelled"], stats["completed"]) == (1, 1)


def test_leaving_is_no_error_in_the_log(penstock: Penstock, client: OpenAI, question: str) -> None:
    stream = client.chat.completions.create(
        model="sim-small@tps=20,tokens=200", messages=[{"role": "user", "content": question}], stream=True
    )
    next(iter(stream))
    stream.response.close()
    request_id = stream.response.headers["x-request-id"]
    line = until(
        lambda: next((line for line in penstock.log_lines("api") if request_id in line), None), "the access line"
    )
    assert '"error_code":"cancelled"' in line
    assert '"level":"info"' in line


async def _ask(client: AsyncOpenAI, model: str, question: str, *, stream: bool = False) -> None:
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": question}]}
    await client.chat.completions.create(**asked, stream=stream)
