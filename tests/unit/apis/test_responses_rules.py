"""The rules of a request for a Response: what is refused, and which field the caller is told to mend."""

from typing import Any

import pytest
from pydantic import ValidationError

from contracts.apis.rules.refusal import invalid
from contracts.apis.rules.responses import ResponsesRequest

Json = dict[str, Any]
GOOD: Json = {"model": "m", "input": "Hello"}
SCHEMA: Json = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": "a b"}, "model"),
        ({"model": 7}, "model"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": []}, "input"),
        ({"input": ["Hello"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": "x"}, {"role": "robot", "content": "x"}]}, "input[1].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "function_call", "call_id": "a", "arguments": "{}"}]}, "input[0].name"),
        ({"input": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "a", "output": {}}]}, "input[0].output"),
        ({"input": [{"type": "item_reference"}]}, "input[0].id"),
        ({"instructions": ["x"]}, "instructions"),
        ({"stream": "yes"}, "stream"),
        ({"background": 1}, "background"),
        ({"background": True, "store": False}, "background"),
        ({"previous_response_id": "resp_0", "conversation": "conv_0"}, "previous_response_id"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "name": "f", "parameters": "{}"}]}, "tools[0].parameters"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"include": "reasoning.encrypted_content"}, "include"),
        ({"truncation": "sometimes"}, "truncation"),
        ({"text": {"format": {**SCHEMA, "name": None}}}, "text.format"),
        ({"text": {"format": {**SCHEMA, "schema": None}}}, "text.format"),
        ({"reasoning": {"effort": 7}}, "reasoning.effort"),
    ],
)
def test_a_wrong_field_is_named(change: Json, param: str):
    with pytest.raises(ValidationError) as caught:
        ResponsesRequest.model_validate({**GOOD, **change})
    assert invalid(caught.value, "validation").param == param


@pytest.mark.parametrize(
    "change",
    [
        {"input": [{"role": "user", "content": "x"}, {"type": "message", "role": "assistant", "content": []}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}]},
        {"input": [{"type": "computer_call_output", "call_id": "a", "output": {"type": "computer_screenshot"}}]},
        {"input": [{"type": "telepathy"}, {"id": "msg_0"}, {"type": "reasoning", "id": "rs_0", "summary": []}]},
        {"input": [{"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "x"}]}]},
        {"input": None, "previous_response_id": "resp_0"},
        {"input": None, "prompt": {"id": "p"}},
        {"tools": [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": None, "strict": None}]},
        {"tool_choice": {"type": "function", "name": "f"}},
        {"text": {"format": SCHEMA, "verbosity": "low"}},
        {"background": True, "stream": True, "max_output_tokens": 1, "temperature": 1, "top_p": None},
        {"something_new": {"a": 1}},
    ],
)
def test_what_some_provider_may_take_is_let_through(change: Json):
    assert ResponsesRequest.model_validate({**GOOD, **change}).model == "m"
