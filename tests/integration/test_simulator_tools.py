"""Loops of tools, structured outputs and thinking with the official SDKs against the simulator, over real HTTP."""

from collections.abc import Iterator
from typing import Any, Literal

import anthropic
import openai
import pytest
from pydantic import BaseModel

from tests.support.simulated import PLACE, anthropic_tools, openai_tools
from tests.support.simulator import running_simulator

ASK = "Ask get_weather and get_time about Paris, please."
NAMES = ("get_weather", "get_time")
RESULTS = {"get_weather": "21 degrees", "get_time": "half past nine"}
ECHO = "Echo: 21 degrees; half past nine "
ENABLED: Any = {"type": "enabled", "budget_tokens": 1024}


class Stop(BaseModel):
    city: str
    days: int


class Trip(BaseModel):
    kind: Literal["train", "bike"]
    stops: list[Stop]
    note: str | None


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_simulator() as simulator:
        yield simulator.url


@pytest.fixture(scope="module")
def gpt(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def openai_turn(client: openai.OpenAI, messages: list[Any], *, stream: bool) -> Any:
    body: Any = {"model": "sim-small", "messages": messages, "tools": openai_tools(*NAMES)}
    if not stream:
        return client.chat.completions.create(**body).choices[0]
    with client.chat.completions.stream(**body) as events:
        return events.get_final_completion().choices[0]


@pytest.mark.parametrize("stream", [False, True])
def test_a_loop_of_tools_with_openai(gpt: openai.OpenAI, stream: bool):
    messages: list[Any] = [{"role": "user", "content": ASK}]
    asked = openai_turn(gpt, messages, stream=stream)
    assert asked.finish_reason == "tool_calls"
    messages.append(asked.message.model_dump(exclude_none=True, include={"role", "tool_calls"}))
    for call in asked.message.tool_calls:
        result = RESULTS[call.function.name]
        messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    answered = openai_turn(gpt, messages, stream=stream)
    assert answered.finish_reason == "stop"
    assert answered.message.content.startswith(ECHO)


def anthropic_turn(client: anthropic.Anthropic, messages: list[Any], *, stream: bool) -> anthropic.types.Message:
    body: Any = {"model": "sim-small", "messages": messages, "tools": anthropic_tools(*NAMES), "max_tokens": 2000}
    if not stream:
        return client.messages.create(**body, thinking=ENABLED)
    with client.messages.stream(**body, thinking=ENABLED) as events:
        return events.get_final_message()


@pytest.mark.parametrize("stream", [False, True])
def test_a_loop_of_tools_with_anthropic_and_its_thinking(claude: anthropic.Anthropic, stream: bool):
    messages: list[Any] = [{"role": "user", "content": ASK}]
    asked = anthropic_turn(claude, messages, stream=stream)
    assert [block.type for block in asked.content] == ["thinking", "tool_use", "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]}
        for block in asked.content
        if block.type == "tool_use"
    ]
    messages += [asked.to_param(), {"role": "user", "content": results}]
    answered = anthropic_turn(claude, messages, stream=stream)
    assert answered.stop_reason == "end_turn"
    thought, text = answered.content
    assert (thought.type, text.type) == ("thinking", "text")
    assert text.text.startswith(ECHO)


async def test_the_asynchronous_clients_stream_calls_too(url: str):
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        asked: Any = {"model": "sim-small", "messages": [{"role": "user", "content": ASK}]}
        async with client.chat.completions.stream(**asked, tools=openai_tools(*NAMES)) as events:
            done = [event async for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [event.name for event in done] == list(NAMES)
    async with anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client:
        body: Any = asked | {"max_tokens": 500, "tools": anthropic_tools(*NAMES)}
        async with client.messages.stream(**body) as stream:
            parts = [event.partial_json async for event in stream if event.type == "input_json"]
            inputs = [block.input for block in (await stream.get_final_message()).content if block.type == "tool_use"]
    assert len(parts) > 10
    assert all(given.keys() == PLACE["properties"].keys() for given in inputs)


def test_no_two_calls_share_an_id(gpt: openai.OpenAI, claude: anthropic.Anthropic):
    asked: list[Any] = [{"role": "user", "content": ASK}]
    one = {call.id for _ in range(2) for call in openai_turn(gpt, asked, stream=False).message.tool_calls}
    said = [anthropic_turn(claude, asked, stream=False) for _ in range(2)]
    two = {block.id for message in said for block in message.content if block.type == "tool_use"}
    assert (len(one), len(two)) == (4, 4)


def test_a_pydantic_model_is_parsed_with_openai(gpt: openai.OpenAI):
    body: Any = {
        "model": "sim-small",
        "messages": [{"role": "user", "content": "Plan a trip"}],
        "response_format": Trip,
    }
    parsed = gpt.chat.completions.parse(**body).choices[0].message.parsed
    assert isinstance(parsed, Trip)
    with gpt.chat.completions.stream(**body) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed


def test_a_pydantic_model_is_parsed_with_anthropic(claude: anthropic.Anthropic):
    body: Any = {"model": "sim-small", "messages": [{"role": "user", "content": "Plan a trip"}], "max_tokens": 500}
    parsed = claude.messages.parse(**body, output_format=Trip).parsed_output
    assert isinstance(parsed, Trip)
    with claude.messages.stream(**body, output_format=Trip) as stream:
        assert stream.get_final_message().parsed_output == parsed


def test_a_filtered_answer_is_an_error_of_openais_parser(gpt: openai.OpenAI):
    with pytest.raises(openai.ContentFilterFinishReasonError):
        gpt.chat.completions.parse(
            model="sim-content-filter", messages=[{"role": "user", "content": "Plan a trip"}], response_format=Trip
        )


def test_reasoning_arrives_beside_the_text(gpt: openai.OpenAI):
    stream = gpt.chat.completions.create(
        model="sim-reason", messages=[{"role": "user", "content": "Hi"}], reasoning_effort="low", stream=True
    )
    deltas = [chunk.choices[0].delta for chunk in stream]
    kinds = ["reasoning" if "reasoning_content" in (delta.model_extra or {}) else "text" for delta in deltas[1:-1]]
    assert kinds == ["reasoning"] * 8 + ["text"] * 32
