"""When the simulator calls tools, with what, and how either API says it."""

import json
from typing import Any

import anthropic.types
import pytest
from jsonschema import Draft202012Validator

from infra.simulator.requests import ChatRequest, Turn
from infra.simulator.tools import tool_results
from tests.support.simulated import PLACE, anthropic_tools, chunks, completion, events, message, openai_tools

WEATHER, BOTH = "How is the weather? Use get_weather.", "Ask Get_Time and (get_weather), please"
NAMES = ("get_weather", "get_time")


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def openai_calls(text: str, **body: Any) -> list[str]:
    """The names of the tools that are called; text and calls never come together."""
    body = {"model": "sim-small", "messages": user(text), "tools": openai_tools(*NAMES)} | body
    said = completion(**body).choices[0]
    calls = said.message.tool_calls or []
    assert (said.finish_reason, said.message.content is None) == (("tool_calls", True) if calls else ("stop", False))
    return [call.function.name for call in calls if call.type == "function"]


def anthropic_calls(text: str, **body: Any) -> list[str]:
    body = {"model": "sim-small", "messages": user(text), "tools": anthropic_tools(*NAMES)} | body
    said = message(**body)
    calls = [block.name for block in said.content if block.type == "tool_use"]
    assert (said.stop_reason, len(said.content)) == (("tool_use", len(calls)) if calls else ("end_turn", 1))
    return calls


CHOICES: list[tuple[str, Any, Any, list[str]]] = [
    (WEATHER, None, None, ["get_weather"]),
    (WEATHER, "auto", {"type": "auto"}, ["get_weather"]),
    (WEATHER, "none", {"type": "none"}, []),
    ("Hello", None, None, []),
    ("Is get_weathers or forget_weather or get_weather-2 a tool?", None, None, []),
    (BOTH, None, None, ["get_weather", "get_time"]),
    ("Hello", "required", {"type": "any"}, ["get_weather"]),
    ("Take get_time", "required", {"type": "any"}, ["get_time"]),
    ("Take get_weather", {"type": "function", "function": {"name": "get_time"}}, {"type": "tool", "name": "get_time"},
     ["get_time"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "choice", "_", "called"), CHOICES)
def test_openai_calls_what_is_named_or_demanded(text: str, choice: Any, _: Any, called: list[str]):
    assert openai_calls(text, tool_choice=choice) == called


@pytest.mark.parametrize(("text", "_", "choice", "called"), CHOICES)
def test_anthropic_calls_what_is_named_or_demanded(text: str, _: Any, choice: Any, called: list[str]):
    assert anthropic_calls(text, tool_choice=choice) == called


def test_openai_calls_only_allowed_tools():
    allowed = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_time"}}]}
    assert openai_calls(BOTH, tool_choice={"type": "allowed_tools", "allowed_tools": allowed}) == ["get_time"]
    assert openai_calls("Hi", tool_choice={"type": "allowed_tools", "allowed_tools": allowed}) == []
    required = allowed | {"mode": "required"}
    assert openai_calls("Hi", tool_choice={"type": "allowed_tools", "allowed_tools": required}) == ["get_time"]


def test_one_call_at_a_time_where_parallel_ones_are_not_wanted():
    assert openai_calls(BOTH, parallel_tool_calls=False) == ["get_weather"]
    assert anthropic_calls(BOTH, tool_choice={"type": "auto", "disable_parallel_tool_use": True}) == ["get_weather"]


def test_anthropics_own_tools_are_accepted_and_never_called():
    tools = [{"type": "web_search_20250305", "name": "web_search"}, *anthropic_tools("get_time")]
    assert anthropic_calls("web_search or get_time", tools=tools) == ["get_time"]


def test_only_a_users_turn_is_answered_by_calls():
    spoken = [*user(WEATHER), {"role": "assistant", "content": "Well, get_weather"}]
    assert openai_calls("", messages=spoken, tool_choice="required") == []
    assert openai_calls("", messages=[*user(WEATHER), {"role": "system", "content": "Now."}]) == ["get_weather"]


def test_both_apis_call_with_the_same_valid_arguments():
    one = completion(model="sim-small", messages=user(BOTH), tools=openai_tools(*NAMES)).choices[0].message.tool_calls
    two = message(model="sim-small", messages=user(BOTH), tools=anthropic_tools(*NAMES)).content
    arguments = [json.loads(call.function.arguments) for call in one or [] if call.type == "function"]
    assert arguments == [block.input for block in two if block.type == "tool_use"]
    assert all(
        Draft202012Validator(PLACE).is_valid(given) and given.keys() == {"city", "unit", "days"} for given in arguments
    )
    assert arguments[0] != arguments[1]


def test_every_choice_has_calls_and_ids_of_its_own():
    said = completion(model="sim-small", messages=user(BOTH), tools=openai_tools(*NAMES), n=3)
    calls = [call for choice in said.choices for call in choice.message.tool_calls or [] if call.type == "function"]
    assert len({call.id for call in calls}) == len({call.function.arguments for call in calls}) == len(calls) == 6
    assert all(call.id.startswith("call_") and len(call.id) == 29 for call in calls)


def test_openai_streams_each_call_as_its_name_and_then_fragments():
    body: dict[str, Any] = {"model": "sim-small", "messages": user(BOTH), "tools": openai_tools(*NAMES)}
    first, *parts, last = [chunk.choices[0] for chunk in chunks(**body)]
    assert (first.delta.role, first.delta.content, last.finish_reason) == ("assistant", None, "tool_calls")
    deltas = [call for part in parts for call in part.delta.tool_calls or []]
    assert [delta.index for delta in deltas] == sorted(delta.index for delta in deltas)
    whole = completion(**body).choices[0].message.tool_calls or []
    for index, call in enumerate(call for call in whole if call.type == "function"):
        named, *fragments = [delta for delta in deltas if delta.index == index]
        assert named.function is not None
        assert (named.id, named.type, named.function.name) == (call.id, "function", call.function.name)
        assert {fragment.id for fragment in fragments} == {None}
        texts = [fragment.function.arguments or "" for fragment in fragments if fragment.function]
        assert len(texts) > 5
        assert "".join(texts) == call.function.arguments


def test_anthropic_streams_each_call_as_a_block_of_fragments():
    body: dict[str, Any] = {"model": "sim-small", "messages": user(BOTH), "tools": anthropic_tools(*NAMES)}
    seen = events(**body)
    for index, block in enumerate(message(**body).content):
        assert isinstance(block, anthropic.types.ToolUseBlock)
        start, *deltas, stop = [event for event in seen if getattr(event, "index", None) == index]
        assert start.content_block == block.model_copy(update={"input": {}})
        assert len(deltas) > 5
        assert json.loads("".join(event.delta.partial_json for event in deltas)) == block.input
        assert stop.type == "content_block_stop"
    assert [event.delta.stop_reason for event in seen if event.type == "message_delta"] == ["tool_use"]


def test_text_before_the_calls_comes_only_with_a_length_of_its_own():
    body: dict[str, Any] = {"model": "sim-small@tokens=3", "messages": user(WEATHER)}
    said = completion(**body, tools=openai_tools(*NAMES)).choices[0]
    assert (said.message.content, said.finish_reason) == ("Echo: How", "tool_calls")
    assert [block.type for block in message(**body, tools=anthropic_tools(*NAMES)).content] == ["text", "tool_use"]
    streamed = events(**body, tools=anthropic_tools(*NAMES))
    starts = [(event.index, event.content_block.type) for event in streamed if event.type == "content_block_start"]
    assert starts == [(0, "text"), (1, "tool_use")]


def test_a_limit_cuts_calls_as_it_cuts_text():
    body: dict[str, Any] = {"model": "sim-small", "messages": user(BOTH), "max_tokens": 5}
    cut = completion(**body, tools=openai_tools(*NAMES))
    (call,) = cut.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (cut.choices[0].finish_reason, call.function.arguments) == ("length", '{"city":')
    said = message(**body, tools=anthropic_tools(*NAMES))
    assert said.stop_reason == "max_tokens"
    assert [block.input for block in said.content if block.type == "tool_use"] == [{}]
    assert cut.usage is not None
    assert cut.usage.completion_tokens == said.usage.output_tokens == 5


def test_calls_and_offered_tools_are_counted():
    plain, offered = (
        completion(model="sim-small", messages=user("Hello"), tools=tools).usage
        for tools in (None, openai_tools("ask"))
    )
    assert plain is not None
    assert offered is not None
    assert offered.prompt_tokens > plain.prompt_tokens + 30
    called = completion(model="sim-small", messages=user("ask"), tools=openai_tools("ask"))
    assert called.usage is not None
    assert (
        called.usage.completion_tokens
        == len(chunks(model="sim-small", messages=user("ask"), tools=openai_tools("ask"))) - 3
    )


def test_results_are_those_the_conversation_ends_with():
    turns = [Turn("tool", "old"), Turn("user", "Hi"), Turn("assistant", ""), Turn("tool", "1"), Turn("tool", "2")]
    assert tool_results(ChatRequest("m", tuple(turns))) == ("1", "2")
    assert tool_results(ChatRequest("m", (*turns, Turn("system", "Go on.")))) == ("1", "2")
    assert tool_results(ChatRequest("m", (*turns, Turn("user", "And?")))) == ()
