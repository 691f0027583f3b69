"""The shapes of both APIs, checked against the types of their official SDKs, and what either refuses."""

import json
from typing import Any

import anthropic.types
import openai.types.chat
import orjson
import pytest
from pydantic import TypeAdapter

from infra.simulator.answers import compose
from infra.simulator.anthropic_dialect import AnthropicDialect
from infra.simulator.dialect import Dialect
from infra.simulator.errors import ApiError
from infra.simulator.knobs import read_knobs
from infra.simulator.openai_dialect import OpenAIDialect
from infra.simulator.options import SimulatorOptions
from tests.support.simulated import STAMP, unknown_fields

MESSAGES = [{"role": "user", "content": "Hello, world"}]
OPENAI: dict[str, Any] = {"model": "sim-small@tokens=8,cached=2", "messages": MESSAGES}
ANTHROPIC: dict[str, Any] = OPENAI | {"max_tokens": 100}


def reply(dialect: Dialect[Any], body: dict[str, Any]) -> dict[str, Any]:
    request = dialect.parse(orjson.dumps(body))
    knobs = read_knobs(request.model, {}, SimulatorOptions())
    return orjson.loads(dialect.reply(request, compose(request, knobs), STAMP))


def events(dialect: Dialect[Any], body: dict[str, Any]) -> list[str]:
    request = dialect.parse(orjson.dumps(body | {"stream": True}))
    script = dialect.script(request, compose(request, read_knobs(request.model, {}, SimulatorOptions())), STAMP)
    return b"".join((script.head, *script.tokens, script.tail)).decode().removesuffix("\n\n").split("\n\n")


def test_a_completion_is_what_the_openai_sdk_types():
    completion = openai.types.chat.ChatCompletion.model_validate(reply(OpenAIDialect(), OPENAI), strict=True)
    assert unknown_fields(completion) == []
    assert completion.id == "chatcmpl-0123456789abcdef0123456789abc"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (
        6, 8, 14,
    )  # fmt: skip
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 2


def test_chunks_are_what_the_openai_sdk_types():
    lines = events(OpenAIDialect(), OPENAI | {"n": 2, "stream_options": {"include_usage": True}})
    assert lines.pop() == "data: [DONE]"
    chunks = [
        openai.types.chat.ChatCompletionChunk.model_validate_json(line.removeprefix("data: "), strict=True)
        for line in lines
    ]
    assert unknown_fields(chunks) == []
    assert [chunk.choices[0].delta.role for chunk in chunks[:3]] == ["assistant", "assistant", None]
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert [bool(chunk.choices) for chunk in chunks] == [True] * (len(chunks) - 1) + [False]
    assert [chunk.usage is None for chunk in chunks] == [True] * (len(chunks) - 1) + [False]


def test_chunks_without_include_usage_do_not_mention_usage():
    assert not any('"usage"' in line for line in events(OpenAIDialect(), OPENAI))


def test_a_message_is_what_the_anthropic_sdk_types():
    message = anthropic.types.Message.model_validate(reply(AnthropicDialect(), ANTHROPIC), strict=True)
    assert unknown_fields(message) == []
    assert message.id == "msg_010123456789abcdef012345"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens) == (4, 2, 8)
    assert message.stop_reason == "end_turn"


def test_events_come_in_anthropics_order_and_types():
    adapter = TypeAdapter(anthropic.types.RawMessageStreamEvent)
    parts = [event.split("\n") for event in events(AnthropicDialect(), ANTHROPIC)]
    names = [name.removeprefix("event: ") for name, _ in parts]
    assert names == [
        "message_start", "content_block_start", "ping", *["content_block_delta"] * 8,
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    datas = [data.removeprefix("data: ") for _, data in parts]
    assert [json.loads(data)["type"] for data in datas] == names
    assert [unknown_fields(adapter.validate_json(data)) for data in datas if '"ping"' not in data] == [[]] * 13


def test_both_apis_answer_a_conversation_alike():
    spoken = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}, *MESSAGES]
    system = {"role": "developer", "content": "Be brief."}
    one = reply(OpenAIDialect(), {"model": "sim-small", "messages": [system, *spoken]})
    parts = [{"type": "text", "text": "Be brief."}]
    two = reply(AnthropicDialect(), {"model": "sim-small", "max_tokens": 99, "system": parts, "messages": spoken})
    assert one["choices"][0]["message"]["content"] == two["content"][0]["text"]
    assert one["usage"]["prompt_tokens"] == two["usage"]["input_tokens"]


def test_openai_takes_either_name_of_the_limit_and_either_form_of_stop():
    parse = OpenAIDialect().parse
    assert parse(orjson.dumps(OPENAI | {"max_tokens": 5})).max_tokens == 5
    assert parse(orjson.dumps(OPENAI | {"max_completion_tokens": 6, "max_tokens": 5})).max_tokens == 6
    assert parse(orjson.dumps(OPENAI | {"stop": "a"})).stops == ("a",)
    assert parse(orjson.dumps(OPENAI | {"stop": ["a", "b"]})).stops == ("a", "b")
    assert parse(orjson.dumps(OPENAI | {"stop": None, "n": None, "stream": None})).stops == ()


def test_tool_calls_and_their_results_are_part_of_the_conversation():
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    called = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "21 degrees"}
    request = OpenAIDialect().parse(orjson.dumps({"model": "m", "messages": [*MESSAGES, called, result]}))
    assert [turn.role for turn in request.turns] == ["user", "assistant", "tool"]
    assert request.turns[1].calls == (b'{"arguments":{"city":"Paris"},"name":"get_weather"}',)
    assert request.turns[2].text == "21 degrees"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "king", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages[0].content"),
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 3}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"n": 129}, "n"),
        ({"stop": [1]}, "stop"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ],
)
def test_openai_names_the_field_that_is_wrong(change: dict[str, Any], param: str):
    dialect = OpenAIDialect()
    with pytest.raises(ApiError) as refused:
        dialect.parse(orjson.dumps(OPENAI | change))
    error = orjson.loads(dialect.error(refused.value, STAMP))["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize("change", [{"max_tokens": None}, {"messages": []}, {"system": 1}, {"stop_sequences": "a"}])
def test_anthropic_names_the_field_that_is_wrong(change: dict[str, Any]):
    dialect = AnthropicDialect()
    with pytest.raises(ApiError) as refused:
        dialect.parse(orjson.dumps(ANTHROPIC | change))
    body = orjson.loads(dialect.error(refused.value, STAMP))
    assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")
    assert next(iter(change)) in body["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"model": "\\ud800"}', b"null"])
@pytest.mark.parametrize("dialect", [OpenAIDialect(), AnthropicDialect()])
def test_a_body_that_is_no_json_object_is_refused(dialect: Dialect[Any], body: bytes):
    with pytest.raises(ApiError, match="JSON body"):
        dialect.parse(body)
