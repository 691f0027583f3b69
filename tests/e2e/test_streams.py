"""Streams as they travel: the first token while the provider still speaks, and an end that says what it is."""

import json
import time
from itertools import pairwise
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.running import Penstock


def events_of(client: OpenAI, model: str, question: str, **headers: str) -> list[str]:
    """The data of every event, as it came over the wire."""
    with client.chat.completions.with_streaming_response.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True, extra_headers=headers
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [line.removeprefix("data: ") for line in response.iter_lines() if line]


async def test_the_first_token_is_there_while_the_provider_still_speaks(penstock: Penstock, question: str) -> None:
    async with penstock.async_client() as client:
        await client.models.list()  # the connection is there
        began = time.monotonic()
        stream = await client.chat.completions.create(
            model="sim-slow-second-chunk@pause=800", messages=[{"role": "user", "content": question}], stream=True
        )
        arrived = [time.monotonic() - began async for chunk in stream if chunk.choices[0].delta.content]
    assert arrived[0] < 0.4
    assert arrived[1] > 0.8
    assert len(arrived) == 32


def test_tokens_arrive_at_the_providers_pace(client: OpenAI, question: str) -> None:
    stream = client.chat.completions.create(
        model="sim-small@tps=50,tokens=30", messages=[{"role": "user", "content": question}], stream=True
    )
    arrived = [time.monotonic() for chunk in stream if chunk.choices[0].delta.content]
    assert 0.4 < arrived[-1] - arrived[0] < 2
    assert max(later - earlier for earlier, later in pairwise(arrived)) < 0.4, "some came in one piece"


def test_a_whole_stream_ends_with_done_and_nothing_behind_it(client: OpenAI, question: str) -> None:
    *chunks, last = events_of(client, "sim-small", question)
    assert last == "[DONE]"
    assert "[DONE]" not in chunks
    assert json.loads(chunks[-1])["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "model",
    ["sim-err-in-stream", "sim-cut-stream", "sim-bad-json", "sim-claude-err-in-stream", "sim-claude-cut-stream"],
)
def test_a_stream_that_breaks_off_ends_with_an_error_and_never_with_done(
    client: OpenAI, question: str, model: str
) -> None:
    *chunks, last = events_of(client, model, question)
    assert "[DONE]" not in chunks
    assert [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks], "some tokens came before"
    assert json.loads(last)["error"]["code"] == "provider_error"
    assert not [chunk for chunk in chunks if json.loads(chunk)["choices"][0]["finish_reason"]]


def test_the_client_raises_where_a_stream_breaks_off(client: OpenAI, question: str) -> None:
    said: list[str] = []
    with pytest.raises(openai.APIError, match="cut the stream off") as raised:
        said.extend(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(
                model="sim-cut-stream@after=5", messages=[{"role": "user", "content": question}], stream=True
            )
        )
    assert raised.value.code == "provider_error"


def test_a_deadline_in_the_middle_of_a_stream_is_an_error_event(client: OpenAI, question: str) -> None:
    began = time.monotonic()
    *chunks, last = events_of(client, "sim-small@tps=20,tokens=100", question, **{"x-penstock-timeout": "0.5"})
    assert time.monotonic() - began < 4
    assert json.loads(last)["error"]["code"] == "deadline_exceeded"
    assert 3 < len(chunks) < 15
    assert "[DONE]" not in chunks


def test_many_streams_at_once_do_not_mix(client: OpenAI, question: str) -> None:
    """Each answer begins with its own question."""
    asked: dict[str, Any] = {"model": "sim-small@tps=200,tokens=40", "stream": True}
    streams = [
        client.chat.completions.create(**asked, messages=[{"role": "user", "content": f"{number} {question}"}])
        for number in range(12)
    ]
    for number, stream in enumerate(streams):
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert text.startswith(f"Echo: {number} What is")
