"""A request for a Response as a request for a chat completion: each field, and what a chat can't be asked."""

from typing import Any

import pytest

from contracts.apis.fields import Fields
from contracts.apis.responses.request import to_chat
from contracts.errors import ErrorCode, PenstockError

Json = dict[str, Any]
USER: Json = {"role": "user", "content": "Hello"}
SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}}
ADD: Json = {"type": "function", "name": "add", "description": "Adds", "parameters": SCHEMA, "strict": True}
CHAT_ADD: Json = {
    "type": "function",
    "function": {"name": "add", "description": "Adds", "parameters": SCHEMA, "strict": True},
}


def chat(request: Json, *, drop: bool = False) -> Json:
    return to_chat({"model": "m", "input": "Hello", **request}, Fields(drop=drop))


def test_text_alone_is_a_users_message():
    assert chat({}) == {"messages": [USER]}


@pytest.mark.parametrize(
    ("asked", "becomes"),
    [
        ({"instructions": "Be brief"}, {"messages": [{"role": "system", "content": "Be brief"}, USER]}),
        ({"max_output_tokens": 99}, {"max_completion_tokens": 99}),
        ({"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": 0.9}),
        ({"user": "u", "safety_identifier": "s"}, {"user": "u", "safety_identifier": "s"}),
        ({"prompt_cache_key": "k", "service_tier": "flex"}, {"prompt_cache_key": "k", "service_tier": "flex"}),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}),
        ({"reasoning": {"effort": None, "context": "auto", "mode": "standard"}}, {}),
        ({"text": {"format": {"type": "text"}}}, {}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
                }
            },
        ),
        ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"top_logprobs": 0}, {}),
        ({"include": ["reasoning.encrypted_content", "message.input_image.image_url"]}, {}),
        ({"tools": [ADD]}, {"tools": [CHAT_ADD]}),
        ({"tools": [{**ADD, "allowed_callers": ["direct"], "async": False}]}, {"tools": [CHAT_ADD]}),
        (
            {"tools": [{"type": "function", "name": "f", "strict": None}]},
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
        ),
        (
            {"tools": [ADD], "tool_choice": {"type": "function", "name": "add"}, "parallel_tool_calls": False},
            {
                "tools": [CHAT_ADD],
                "tool_choice": {"type": "function", "function": {"name": "add"}},
                "parallel_tool_calls": False,
            },
        ),
        ({"tools": [ADD], "tool_choice": "required"}, {"tools": [CHAT_ADD], "tool_choice": "required"}),
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, {}),
        ({"truncation": "disabled"}, {}),
        ({"something_new": {"a": 1}, "seed": 7}, {"something_new": {"a": 1}, "seed": 7}),
        ({"temperature": None, "tools": None, "text": None, "reasoning": None, "include": None}, {}),
    ],
)
def test_a_field_has_its_place_in_a_chat(asked: Json, becomes: Json):
    assert chat(asked) == {"messages": [USER], **becomes}


@pytest.mark.parametrize(
    "own",
    [
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"store": True},
        {"background": True},
        {"previous_response_id": "resp_0"},
        {"metadata": {"team": "a"}},
    ],
)
def test_what_concerns_the_response_and_not_the_chat_stays_here(own: Json):
    assert chat(own) == {"messages": [USER]}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tools": [ADD, {"type": "web_search"}]}, "tools[1]"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["vs"]}]}, "tools[0]"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0]"),
        ({"tools": [{"type": "custom", "name": "x"}]}, "tools[0]"),
        ({"tools": [{**ADD, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [ADD], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice"),
        ({"tools": [ADD], "tool_choice": {"type": "web_search_preview"}}, "tool_choice"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"truncation": "auto"}, "truncation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"include": ["reasoning.encrypted_content", "code_interpreter_call.outputs"]}, "include[1]"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"text": {"voice": "loud"}}, "text.voice"),
        ({"input": [{**USER}, {"type": "web_search_call", "id": "ws_1"}]}, "input[1]"),
        (
            {"input": [{"role": "user", "content": [{"type": "hologram"}, {"type": "input_text", "text": "Hello"}]}]},
            "input[0].content[0]",
        ),
        (
            {
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_text", "text": "Hello"},
                            {"type": "input_image", "file_id": "file_1"},
                        ],
                    }
                ]
            },
            "input[0].content[1].file_id",
        ),
        (
            {
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_text", "text": "Hello"},
                            {"type": "input_file", "file_url": "https://x/y.pdf"},
                        ],
                    }
                ]
            },
            "input[0].content[1].file_url",
        ),
    ],
)
def test_what_a_chat_cant_be_asked_is_refused_by_name_and_left_out_on_request(asked: Json, param: str):
    with pytest.raises(PenstockError) as caught:
        chat(asked)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)
    dropping = Fields(drop=True)
    assert to_chat({"model": "m", "input": "Hello", **asked}, dropping)["messages"] == [USER]
    assert dropping.dropped == [param]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": []}, "input"),
        ({"input": ["Hello"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].file_data"),
        ({"input": [{"type": "item_reference", "id": "msg_0"}]}, "input[0]"),
        ({"input": [{"id": "msg_0"}]}, "input[0]"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "a", "arguments": "{}"}]}, "input[0].name"),
        ({"input": [{"type": "function_call", "call_id": "a", "name": "f"}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "a"}]}, "input[0].output"),
        ({"instructions": 7}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": ["add"]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [ADD], "tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [ADD], "tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"text": "json"}, "text"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"reasoning": "high"}, "reasoning"),
        ({"include": "logprobs"}, "include"),
    ],
)
def test_what_is_wrong_for_every_target_is_refused_even_where_fields_may_be_dropped(asked: Json, param: str):
    with pytest.raises(PenstockError) as caught:
        chat(asked, drop=True)
    assert caught.value.param == param


def test_the_request_is_left_as_it_was():
    request = {"model": "m", "input": [USER], "tools": [ADD], "text": {"format": {"type": "json_object"}}}
    before = repr(request)
    to_chat(request, Fields())
    assert repr(request) == before
