"""The simulator as the official SDKs see it, over real HTTP, in a process of its own."""

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

USER: Any = [{"role": "user", "content": "What is the capital of France?"}]
TEXT = "Echo: What is the capital of France? orchard bridge garden moss stone valley."
MODEL = "sim-small@tokens=16"
Ask = Callable[[str, str], Awaitable[tuple[str, int, int]]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "infra.simulator", "--port", "0"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_SIM_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()
        assert process.wait(5) == 0


def gpt_at(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def claude_at(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0)


@pytest.fixture
async def gpt(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with gpt_at(url) as client:
        yield client


@pytest.fixture
async def claude(url: str) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with claude_at(url) as client:
        yield client


def stats_of(url: str, method: str = "GET") -> dict[str, Any]:
    return httpx2.request(method, f"{url}/stats").json()


async def stats_when(url: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while True:
        stats = await asyncio.to_thread(stats_of, url)
        if holds(stats) or time.monotonic() > deadline:
            assert holds(stats), stats
            return stats
        await asyncio.sleep(0.01)


async def gpt_whole(url: str, model: str) -> tuple[str, int, int]:
    async with gpt_at(url) as client:
        done = await client.chat.completions.create(model=model, messages=USER)
    assert done.usage
    return done.choices[0].message.content or "", done.usage.prompt_tokens, done.usage.completion_tokens


async def gpt_stream(url: str, model: str) -> tuple[str, int, int]:
    options: Any = {"include_usage": True}
    async with gpt_at(url) as client:
        stream = await client.chat.completions.create(model=model, messages=USER, stream=True, stream_options=options)
        chunks = [chunk async for chunk in stream]
    usage = chunks[-1].usage
    assert usage
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    return text, usage.prompt_tokens, usage.completion_tokens


async def claude_whole(url: str, model: str) -> tuple[str, int, int]:
    async with claude_at(url) as client:
        done = await client.messages.create(model=model, messages=USER, max_tokens=100)
    return getattr(done.content[0], "text", ""), done.usage.input_tokens, done.usage.output_tokens


async def claude_stream(url: str, model: str) -> tuple[str, int, int]:
    async with (
        claude_at(url) as client,
        client.messages.stream(model=model, messages=USER, max_tokens=100) as stream,
    ):
        done = await stream.get_final_message()
    return getattr(done.content[0], "text", ""), done.usage.input_tokens, done.usage.output_tokens


EVERY_WAY = pytest.mark.parametrize("ask", [gpt_whole, gpt_stream, claude_whole, claude_stream])


@EVERY_WAY
async def test_every_way_to_ask_gives_the_same_answer_and_usage(url: str, ask: Ask):
    assert await ask(url, MODEL) == (TEXT, 10, 16)


def test_the_synchronous_clients_read_it_too(url: str):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as gpt:
        assert gpt.chat.completions.create(model=MODEL, messages=USER).choices[0].message.content == TEXT
        chunks = list(gpt.chat.completions.create(model=MODEL, messages=USER, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
        assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 17 + ["stop"]
        assert {"sim-large", "sim-embedding"} <= {model.id for model in gpt.models.list()}
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as claude:
        with claude.messages.stream(model=MODEL, messages=USER, max_tokens=9) as stream:
            assert "".join(stream.text_stream) == "Echo: What is the capital of France?"
            assert stream.get_final_message().stop_reason == "max_tokens"
        assert "sim-large" in [model.id for model in claude.models.list()]


ERRORS = {
    "sim-error-400": ("BadRequestError", "invalid_request_error", "invalid_request_error"),
    "sim-error-401": ("AuthenticationError", "invalid_request_error", "authentication_error"),
    "sim-error-403": ("PermissionDeniedError", "request_forbidden", "permission_error"),
    "sim-error-429": ("RateLimitError", "requests", "rate_limit_error"),
    "sim-error-500": ("InternalServerError", "server_error", "api_error"),
}


@EVERY_WAY
@pytest.mark.parametrize("model", ERRORS)
async def test_an_error_has_the_apis_own_shape_and_status(url: str, ask: Ask, model: str):
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as failed:
        await ask(url, model)
    name, openai_type, anthropic_type = ERRORS[model]
    body: Any = failed.value.body
    assert type(failed.value).__name__ == name
    assert (body["error"]["type"] if "error" in body else body["type"]) in {openai_type, anthropic_type}
    assert failed.value.response.headers.get("retry-after") == ("1" if "429" in model else None)
    assert failed.value.request_id


BROKEN_STREAMS = [
    (gpt_stream, "sim-err-in-stream", openai.APIError),
    (claude_stream, "sim-err-in-stream", anthropic.APIStatusError),
    (gpt_stream, "sim-cut-stream", openai.APIConnectionError),
    (claude_stream, "sim-cut-stream", httpx2.RemoteProtocolError),
    (gpt_stream, "sim-bad-json", json.JSONDecodeError),
    (claude_stream, "sim-bad-json", json.JSONDecodeError),
    (gpt_whole, "sim-err-in-stream", openai.InternalServerError),
    (claude_whole, "sim-err-in-stream", anthropic.InternalServerError),
    (gpt_whole, "sim-cut-stream", openai.APIConnectionError),
    (claude_whole, "sim-cut-stream", anthropic.APIConnectionError),
    (gpt_whole, "sim-bad-json", json.JSONDecodeError),
    (claude_whole, "sim-bad-json", json.JSONDecodeError),
]


@pytest.mark.parametrize(("ask", "model", "error"), BROKEN_STREAMS)
async def test_a_broken_answer_breaks_in_the_sdk(url: str, ask: Ask, model: str, error: type[Exception]):
    with pytest.raises(error):
        await ask(url, model)


@pytest.mark.parametrize("model", ["sim-err-in-stream@after=2,tps=500", "sim-cut-stream@after=2,latency=20"])
async def test_what_came_before_a_break_arrives(gpt: openai.AsyncOpenAI, model: str):
    texts = []
    with pytest.raises(openai.APIError):
        async for chunk in await gpt.chat.completions.create(model=model, messages=USER, stream=True):
            assert chunk.usage is None
            texts.append(chunk.choices[0].delta.content)
    assert texts == ["", "Echo", ":"]


async def test_a_flaky_model_answers_the_second_try_of_the_same_request(gpt: openai.AsyncOpenAI):
    prompt = [{"role": "user", "content": uuid.uuid4().hex}]
    with pytest.raises(openai.InternalServerError):
        await gpt.chat.completions.create(model="sim-flaky", messages=prompt)
    assert await gpt.chat.completions.create(model="sim-flaky", messages=prompt)


async def test_latency_and_speed_are_kept(gpt: openai.AsyncOpenAI):
    begun = time.monotonic()
    headers = {"x-sim-latency-ms": "100", "x-sim-tokens-per-second": "50", "x-sim-tokens": "11"}
    stream = await gpt.chat.completions.create(model="sim-small", messages=USER, stream=True, extra_headers=headers)
    moments = [time.monotonic() - begun async for _ in stream]
    assert moments[0] >= 0.1
    assert 0.15 < moments[-1] - moments[0] < 1
    assert len(moments) == 13


async def test_the_second_chunk_comes_late(claude: anthropic.AsyncAnthropic):
    model = "sim-slow-second-chunk@pause=200,tokens=4"
    async with claude.messages.stream(model=model, messages=USER, max_tokens=9) as stream:
        moments = [time.monotonic() async for _ in stream.text_stream]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert gaps[0] > 0.15
    assert sum(gaps[1:]) < gaps[0]


async def test_a_client_that_leaves_in_a_stream_is_noticed_at_once(url: str, gpt: openai.AsyncOpenAI):
    stats_of(url, "DELETE")
    stream = await gpt.chat.completions.create(model="sim-small@tps=5,tokens=500", messages=USER, stream=True)
    await anext(stream)
    left = time.monotonic()
    await stream.close()
    stats = await stats_when(url, lambda seen: seen["cancelled"] == 1)
    assert 0 <= stats["last_cancel_monotonic_s"] - left < 0.25
    assert (stats["calls"], stats["completed"], stats["failed"], stats["in_flight"]) == (1, 0, 0, 0)


async def test_every_call_that_has_ended_is_told_with_what_its_answer_reports(
    url: str, gpt: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
):
    stats_of(url, "DELETE")
    ask = {"model": MODEL, "messages": USER, "extra_headers": {"Idempotency-Key": "whole"}}
    whole = await gpt.chat.completions.create(**ask)
    async with claude.messages.stream(**{**ask, "extra_headers": {"Idempotency-Key": "stream"}}, max_tokens=9) as said:
        streamed = await said.get_final_message()
    for fault in ("sim-cut-stream", "sim-error-500"):
        with pytest.raises(openai.APIError):
            await gpt.chat.completions.create(model=fault, messages=USER, extra_headers={"Idempotency-Key": fault})
    await stats_when(url, lambda seen: seen["in_flight"] == 0)

    told = {call["idempotency_key"]: call for call in httpx2.get(f"{url}/stats/calls").json()}
    assert whole.usage is not None
    assert {key: call["outcome"] for key, call in told.items()} == {
        "whole": "completed",
        "stream": "completed",
        "sim-cut-stream": "failed",
        "sim-error-500": "failed",
    }
    assert told["whole"]["model"] == MODEL
    assert told["whole"]["usage"]["prompt_tokens"] == whole.usage.prompt_tokens
    assert told["whole"]["usage"]["completion_tokens"] == whole.usage.completion_tokens == 16
    assert told["stream"]["usage"]["completion_tokens"] == streamed.usage.output_tokens == 9
    assert told["sim-error-500"]["usage"] is None


async def test_a_client_that_leaves_before_the_first_token_is_noticed_at_once(
    url: str, claude: anthropic.AsyncAnthropic
):
    stats_of(url, "DELETE")
    waiting = asyncio.create_task(claude.messages.create(model="sim-slow", messages=USER, max_tokens=9))
    await stats_when(url, lambda seen: seen["in_flight"] == 1)
    left = time.monotonic()
    waiting.cancel()
    stats = await stats_when(url, lambda seen: seen["cancelled"] == 1)
    assert 0 <= stats["last_cancel_monotonic_s"] - left < 0.25
    assert stats["last_cancel_after_ms"] < 10_000


async def test_stats_count_calls_by_key_and_model_and_can_be_reset(url: str, gpt: openai.AsyncOpenAI):
    stats_of(url, "DELETE")
    for key, model in (("one", "sim-small"), ("one", "sim-error-500"), ("two", "sim-small@latency=1"), ("", "sim")):
        headers = {"Idempotency-Key": key} if key else {}
        with contextlib.suppress(openai.InternalServerError):
            await gpt.chat.completions.create(model=model, messages=USER, extra_headers=headers)
    stats = stats_of(url)
    assert stats["by_idempotency_key"] == {"one": 2, "two": 1, "": 1}
    assert stats["by_path"] == {"/v1/chat/completions": 4}
    assert stats["by_model"] == {"sim-small": 1, "sim-error-500": 1, "sim-small@latency=1": 1, "sim": 1}
    assert (stats["calls"], stats["completed"], stats["failed"], stats["last_cancel_after_ms"]) == (4, 3, 1, None)
    assert stats_of(url, "DELETE")["calls"] == 0


async def test_calls_in_flight_together_are_counted(url: str, gpt: openai.AsyncOpenAI):
    stats_of(url, "DELETE")
    await asyncio.gather(
        *(gpt.chat.completions.create(model="sim-small@latency=300", messages=USER) for _ in range(20))
    )
    stats = stats_of(url)
    assert (stats["max_in_flight"], stats["in_flight"], stats["completed"]) == (20, 0, 20)
