"""What the simulator refuses, as the APIs do: with a 400 that names the place."""

import base64
from typing import Any

import pytest

from infra.simulator.embeddings import Embeddings
from infra.simulator.thinking import sign
from tests.support.simulated import (
    ANTHROPIC,
    OPENAI,
    anthropic_call,
    anthropic_results,
    anthropic_tools,
    openai_call,
    openai_result,
    openai_tools,
    refusal,
)

PNG = base64.b64encode(b"\x89PNG").decode()
HELLO: dict[str, Any] = {"role": "user", "content": "Hello"}
THINKING = {"type": "enabled", "budget_tokens": 1024}


def image_url(url: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, **more}}]}


IMAGE = "messages[0].content[0].image_url"
OPENAI_REFUSALS: list[tuple[list[dict[str, Any]], str]] = [
    ([image_url("ftp://example.org/a.png")], f"{IMAGE}.url"),
    ([image_url("data:image/png;base64,####")], f"{IMAGE}.url"),
    ([image_url("data:image/png;base64,")], f"{IMAGE}.url"),
    ([image_url(f"data:text/html;base64,{PNG}")], f"{IMAGE}.url"),
    ([image_url("data:image/png,abc")], f"{IMAGE}.url"),
    ([image_url(None)], f"{IMAGE}.url"),
    ([image_url("https://example.org", detail="huge")], f"{IMAGE}.detail"),
    ([{"role": "user", "content": [{"type": "image_url"}]}], IMAGE),
    ([{"role": "user", "content": [{"type": "image", "source": {}}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{"type": 1}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
    ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file.file_id"),
    ([HELLO, openai_result("a")], "messages.[1].role"),
    ([HELLO, openai_call("a"), openai_result("b")], "messages.[2].tool_call_id"),
    ([HELLO, openai_call("a"), openai_result("a"), HELLO, openai_result("a")], "messages.[4].role"),
    ([HELLO, openai_call("a", "b"), openai_result("a"), HELLO], "messages"),
    ([HELLO, openai_call("a")], "messages"),
    ([HELLO, openai_call("a"), {"role": "tool", "content": "21"}], "messages[2].tool_call_id"),
    ([HELLO, {"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}, openai_result("a")],
     "messages[1].tool_calls[0].function"),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "param"), OPENAI_REFUSALS)
def test_openai_names_the_part_of_a_conversation_that_is_wrong(messages: list[dict[str, Any]], param: str):
    error = refusal(OPENAI, {"model": "sim-small", "messages": messages})
    assert (error["status"], error["type"], error["param"]) == (400, "invalid_request_error", param)


def anthropic_image(**source: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image", "source": source}]}]


HERE = {"type": "text", "text": "Here:"}
SOURCE = "messages[0].content[0].source"
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": sign("Hm.")}
ANTHROPIC_REFUSALS: list[tuple[list[dict[str, Any]], str]] = [
    ([{"role": "assistant", "content": "Hi"}, HELLO], 'first message must use the "user" role'),
    (anthropic_image(type="base64", media_type="image/tiff", data=PNG), f"{SOURCE}.media_type"),
    (anthropic_image(type="base64", media_type="image/png", data="####"), f"{SOURCE}.data"),
    (anthropic_image(type="base64", media_type="image/png"), f"{SOURCE}.data"),
    (anthropic_image(type="url", url="a.png"), f"{SOURCE}.url"),
    (anthropic_image(type="smoke"), f"{SOURCE}.type"),
    ([{"role": "user", "content": [{"type": "image"}]}], SOURCE),
    ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{"type": "tool_use"}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{}]}], "messages[0].content[0].type"),
    ([{"role": "user", "content": [{"type": "text", "text": ""}]}], "text content blocks must be non-empty"),
    ([HELLO, {"role": "user", "content": []}], "messages.1: all messages must have non-empty content"),
    ([{"role": "user", "content": ""}, HELLO], "messages.0: all messages must have non-empty content"),
    ([HELLO, anthropic_results("a")],
     "messages.1.content.0: unexpected `tool_use_id` found in `tool_result` blocks: a."),
    ([HELLO, anthropic_call("a"), anthropic_results("b")], "unexpected `tool_use_id`"),
    ([HELLO, anthropic_call("a"), anthropic_results("a"), anthropic_call("b"), anthropic_results("a", "b")],
     "messages.4.content.0: unexpected `tool_use_id`"),
    ([HELLO, anthropic_call("a"), HELLO], "messages.1: `tool_use` ids were found without `tool_result` blocks"),
    ([HELLO, anthropic_call("a", "b"), anthropic_results("a")], "immediately after: b."),
    ([HELLO, anthropic_call("a")], "messages.1: `tool_use` ids were found"),
    ([HELLO, anthropic_call("a"), {"role": "user", "content": [HERE, *anthropic_results("a")["content"]]}],
     "messages.1: `tool_use` ids were found"),
    ([HELLO, anthropic_call("a", "a"), anthropic_results("a")], "`tool_use` ids must be unique"),
    ([HELLO, anthropic_call("call:1"), anthropic_results("call:1")], "messages[1].content[0].id"),
    ([HELLO, anthropic_call("a", before=(THOUGHT | {"signature": "forged"},)), anthropic_results("a")],
     "messages.1.content.0: Invalid `signature` in `thinking` block"),
    ([HELLO, anthropic_call("a", before=(THOUGHT | {"thinking": "Ha."},)), anthropic_results("a")],
     "Invalid `signature`"),
    ([HELLO, anthropic_call("a", before=({"type": "thinking", "thinking": "Hm."},)), anthropic_results("a")],
     "messages[1].content[0].signature"),
    ([HELLO, anthropic_call("a", before=({"type": "redacted_thinking", "data": PNG},)), anthropic_results("a")],
     "messages.1.content.0: Invalid `data` in `redacted_thinking` block"),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "problem"), ANTHROPIC_REFUSALS)
def test_anthropic_says_what_is_wrong_with_a_conversation(messages: list[dict[str, Any]], problem: str):
    error = refusal(ANTHROPIC, {"model": "sim-small", "messages": messages, "max_tokens": 9})
    assert (error["status"], error["type"]) == (400, "invalid_request_error")
    assert problem in error["message"]


TOOL = openai_tools("ask")[0]
OPENAI_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"type": "custom", "custom": {"name": "ask"}}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}]},
     "tools[0].function.parameters"),
    ({"tools": [{"type": "function", "function": {"name": "Hello", "parameters": {"$ref": "#/absent"}}}]},
     "tools[0].function.parameters"),
    ({"tool_choice": "auto"}, "tool_choice"),
    ({"parallel_tool_calls": False}, "parallel_tool_calls"),
    ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "tell"}}}, "tool_choice"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "response_format.json_schema.name"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"enum": []}}}},
     "response_format.json_schema.schema"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "param"), OPENAI_FIELDS)
def test_openai_names_the_field_that_is_wrong(change: dict[str, Any], param: str):
    error = refusal(OPENAI, {"model": "sim-small", "messages": [HELLO]} | change)
    assert (error["status"], error["param"]) == (400, param)


ANTHROPIC_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"tools": [{"name": "ask"}]}, "tools[0].input_schema"),
    ({"tools": [{"name": "ask", "input_schema": {}}]}, "tools[0].input_schema.type"),
    ({"tools": [{"name": "a.b", "input_schema": {"type": "object"}}]}, "tools[0].name"),
    ({"tool_choice": {"type": "auto"}}, "tool_choice"),
    ({"tools": anthropic_tools("ask"), "tool_choice": {"type": "required"}}, "tool_choice.type"),
    ({"tools": anthropic_tools("ask"), "tool_choice": {"type": "tool", "name": "tell"}}, "tool_choice.name"),
    ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ({"output_config": {"effort": "minimal"}, "thinking": {"type": "adaptive"}}, "output_config.effort"),
    ({"thinking": {"type": "sometimes"}}, "thinking.type"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, "thinking.budget_tokens"),
    ({"thinking": THINKING, "max_tokens": 1024}, "`max_tokens` must be greater than `thinking.budget_tokens`"),
    ({"thinking": THINKING, "tools": anthropic_tools("ask"), "tool_choice": {"type": "any"}},
     "Thinking may not be enabled when tool_choice forces tool use."),
]  # fmt: skip


@pytest.mark.parametrize(("change", "problem"), ANTHROPIC_FIELDS)
def test_anthropic_names_the_field_that_is_wrong(change: dict[str, Any], problem: str):
    error = refusal(ANTHROPIC, {"model": "sim-small", "messages": [HELLO], "max_tokens": 2000} | change)
    assert error["status"] == 400
    assert problem in error["message"]


EMBEDDING_FIELDS: list[tuple[dict[str, Any], str | None]] = [
    ({"input": None}, "input"),
    ({"input": ""}, "input"),
    ({"input": []}, "input"),
    ({"input": 3}, "input"),
    ({"input": ["a", ""]}, "input[1]"),
    ({"input": ["a", 1]}, "input[1]"),
    ({"input": [[1], []]}, "input[1]"),
    ({"input": [[-1]]}, "input[0]"),
    ({"input": ["a"] * 2049}, "input"),
    ({"input": [1] * 8193}, None),
    ({"dimensions": 0}, "dimensions"),
    ({"dimensions": 1537}, "dimensions"),
    ({"encoding_format": "hex"}, "encoding_format"),
    ({"model": None}, "model"),
]


@pytest.mark.parametrize(("change", "param"), EMBEDDING_FIELDS)
def test_embeddings_name_the_field_that_is_wrong(change: dict[str, Any], param: str | None):
    error = refusal(Embeddings(), {"model": "sim-embedding", "input": "Hello"} | change)
    assert (error["status"], error["param"]) == (400, param)
