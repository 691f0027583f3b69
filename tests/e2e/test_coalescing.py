"""Who asks what is being answered already hears that answer: from its beginning, as it is made, whoever leaves."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from openai import AsyncOpenAI

from tests.e2e.running import Penstock
from tests.support.waiting import eventually

SLOW = "sim-small@tps=20,tokens=50"
"""Two and a half seconds of tokens."""


@pytest.fixture
async def gpt(penstock: Penstock) -> AsyncIterator[AsyncOpenAI]:
    penstock.reset_simulator_stats()
    async with penstock.async_client() as client:
        yield client


@pytest.fixture
async def claude(penstock: Penstock) -> AsyncIterator[AsyncAnthropic]:
    http_client = DefaultAsyncHttpxClient(verify=False, timeout=30)
    async with AsyncAnthropic(
        base_url=penstock.api, api_key=penstock.key, max_retries=0, http_client=http_client
    ) as client:
        yield client


class Heard:
    """One streamed answer: what was heard of it so far, in a task of its own."""

    def __init__(self, asked: Any) -> None:
        self.events: list[Any] = []
        self.headers: Any = None
        self._stream: Any = None
        self._task = asyncio.create_task(self._hear(asked))

    async def _hear(self, asked: Any) -> None:
        raw = await asked
        parsed = raw.parse()
        self.headers, self._stream = raw.headers, await parsed if inspect.isawaitable(parsed) else parsed
        async for event in self._stream:
            self.events.append(event)

    async def begun(self, events: int = 5) -> None:
        await eventually(lambda: len(self.events) >= events, within=20, what="the stream did not begin")

    async def end(self) -> list[Any]:
        await asyncio.wait_for(self._task, 30)
        return self.events

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._stream.close()

    @property
    def over(self) -> bool:
        return self._task.done()


def chat(client: AsyncOpenAI, question: str, **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": question}]
    return client.chat.completions.with_raw_response.create(model=SLOW, messages=messages, **more)


def text_of(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def test_who_comes_late_hears_the_beginning_and_then_what_is_said(
    penstock: Penstock, gpt: AsyncOpenAI, question: str
) -> None:
    first = Heard(chat(gpt, question, stream=True))
    await first.begun()
    late = Heard(chat(gpt, question, stream=True, stream_options={"include_usage": True}))
    await late.begun()
    assert not first.over, "it was to be heard while it is made"
    chunks, again = await first.end(), await late.end()
    assert again[: len(chunks)] == chunks
    assert [chunk.usage is not None for chunk in again[len(chunks) :]] == [True]
    assert (first.headers["x-penstock-cache"], late.headers["x-penstock-cache"]) == ("miss", "coalesced")
    assert first.headers["x-request-id"] != late.headers["x-request-id"]
    assert penstock.simulator_stats()["calls"] == 1
    (row,) = penstock.ledger(late.headers["x-request-id"])
    assert (row["status"], row["cache"], row["cost_usd"]) == ("cache_hit", "coalesced", 0)


async def test_each_gets_it_in_the_form_that_he_asked_for(penstock: Penstock, gpt: AsyncOpenAI, question: str) -> None:
    first = Heard(chat(gpt, question, stream=True))
    await first.begun()
    whole = (await chat(gpt, question)).parse()
    assert whole.choices[0].message.content == text_of(await first.end())
    assert whole.usage.completion_tokens == 50
    assert penstock.simulator_stats()["calls"] == 1


async def test_a_stream_of_what_is_answered_whole_comes_when_that_is_there(
    penstock: Penstock, gpt: AsyncOpenAI, question: str
) -> None:
    asking = asyncio.create_task(chat(gpt, question))
    await eventually(lambda: penstock.simulator_stats()["calls"] == 1, within=20)
    chunks = await Heard(chat(gpt, question, stream=True)).end()
    assert text_of(chunks) == (await asking).parse().choices[0].message.content
    assert penstock.simulator_stats()["calls"] == 1


async def test_the_first_one_may_leave(penstock: Penstock, gpt: AsyncOpenAI, question: str) -> None:
    first = Heard(chat(gpt, question, stream=True))
    await first.begun()
    late = Heard(chat(gpt, question, stream=True))
    await late.begun()
    heard = text_of(first.events)
    await first.leave()
    assert text_of(await late.end()).startswith(heard)
    assert len(late.events) > len(first.events)
    stats = penstock.simulator_stats()
    assert (stats["calls"], stats["cancelled"]) == (1, 0)


async def test_a_response_heard_late_has_its_own_ids(penstock: Penstock, gpt: AsyncOpenAI, question: str) -> None:
    def respond(**more: Any) -> Any:
        return gpt.responses.with_raw_response.create(model=SLOW, input=question, stream=True, **more)

    first = Heard(respond())
    await first.begun()
    late = Heard(respond(metadata={"of": "the second"}))
    await late.begun()
    assert not first.over
    events, again = await first.end(), await late.end()
    assert [event.type for event in again] == [event.type for event in events]
    one, other = events[-1].response, again[-1].response
    assert (other.output_text, other.usage) == (one.output_text, one.usage)
    assert (other.metadata, other.id != one.id) == ({"of": "the second"}, True)
    assert {event.item_id for event in again if hasattr(event, "item_id")} == {item.id for item in other.output}
    stored = await gpt.responses.retrieve(other.id)
    assert (stored.id, stored.output) == (other.id, other.output)
    assert penstock.simulator_stats()["calls"] == 1


async def test_a_message_can_be_heard_late(
    penstock: Penstock, gpt: AsyncOpenAI, claude: AsyncAnthropic, question: str
) -> None:
    def say() -> Any:
        messages: Any = [{"role": "user", "content": question}]
        return claude.messages.with_raw_response.create(model=SLOW, max_tokens=100, messages=messages, stream=True)

    first = Heard(say())
    await first.begun()
    late = Heard(say())
    await late.begun()
    assert not first.over
    assert await late.end() == await first.end()
    assert penstock.simulator_stats()["calls"] == 1
