"""The fields of a chat request beside its messages: translated, refused by name, dropped, or forwarded."""

import pytest

from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.fields import Fields
from tests.unit.apis.chat_samples import FUNCTION, HELLO, TOOL, TOOLS, Json, beside, refused, translated


def test_the_plainest_request_has_a_limit_and_neither_model_nor_stream():
    body = translated(stream=True, stream_options={"include_usage": True})
    assert body == {"max_tokens": 4096, "messages": [HELLO]}


@pytest.mark.parametrize(
    ("request_", "added"),
    [
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"max_completion_tokens": 8, "max_tokens": 7}, {"max_tokens": 8}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"top_k": 5}, {"top_k": 5}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"stop": []}, {}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"safety_identifier": "s"}, {"metadata": {"user_id": "s"}}),
        ({"user": "u", "safety_identifier": "s"}, {"metadata": {"user_id": "u"}}),
        ({"metadata": {"user_id": "u"}}, {"metadata": {"user_id": "u"}}),
        ({"service_tier": "auto"}, {"service_tier": "auto"}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
        ({"response_format": {"type": "text"}}, {}),
        ({"prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_cache_options": {"ttl": "30m"}}, {}),
    ],
)
def test_a_field_has_its_counterpart(request_: Json, added: Json):
    assert beside(**request_) == added


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -0.5),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "ash", "format": "mp3"}),
        ("verbosity", "low"),
        ("store", True),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
        ("moderation", {"model": "omni-moderation-latest"}),
        ("prediction", {"type": "content", "content": "x"}),
        ("seed", 7),
        ("web_search_options", {}),
        ("service_tier", "flex"),
        ("service_tier", "priority"),
    ],
)
def test_what_anthropic_cannot_be_asked_is_named_or_dropped(name: str, value: object):
    assert "drop_params" in refused(name, **{name: value})
    fields = Fields(drop=True)
    assert translated(fields, **{name: value}) == translated()
    assert fields.dropped == [name]


@pytest.mark.parametrize(
    ("param", "request_", "left"),
    [
        ("temperature", {"temperature": 1.5}, {"temperature": 1}),
        ("stop", {"stop": "\n"}, {}),
        ("stop[1]", {"stop": ["A", " "]}, {"stop_sequences": ["A"]}),
        ("metadata.team", {"metadata": {"team": "x", "user_id": "u"}}, {"metadata": {"user_id": "u"}}),
        ("response_format.type", {"response_format": {"type": "grammar"}}, {}),
        (
            "tool_choice.type",
            {"tools": TOOLS, "tool_choice": {"type": "custom", "custom": {"name": "f"}}},
            {"tools": [TOOL]},
        ),
        ("tools[0].type", {"tools": [{"type": "custom", "custom": {"name": "f"}}, *TOOLS]}, {"tools": [TOOL]}),
        ("tools[0].type", {"tools": [{"type": "custom", "custom": {"name": "f"}}], "tool_choice": "required"}, {}),
    ],
)
def test_of_a_field_that_it_cannot_be_asked_in_full_the_rest_stays(param: str, request_: Json, left: Json):
    refused(param, **request_)
    fields = Fields(drop=True)
    assert translated(fields, **request_) == translated() | left
    assert fields.dropped == [param]


DEFAULTS = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "presence_penalty": 0,
    "frequency_penalty": 0.0,
    "modalities": ["text"],
    "verbosity": "medium",
    "store": False,
    "functions": [],
    "function_call": "auto",
}
NULLS = (
    *("audio", "moderation", "prediction", "seed", "web_search_options", "max_tokens", "max_completion_tokens"),
    *("temperature", "top_p", "stop", "tools", "tool_choice", "user", "metadata", "reasoning_effort", "service_tier"),
    *("response_format", "thinking", "output_config", "system", "parallel_tool_calls", "safety_identifier", *DEFAULTS),
)


def test_null_and_the_default_ask_for_nothing():
    assert translated(**DEFAULTS) == translated(**dict.fromkeys(NULLS)) == translated()


def test_what_the_chat_api_does_not_know_goes_on_as_it_is():
    unknown = {"mcp_servers": [{"type": "url", "url": "https://x"}], "container": "c", "inference_geo": "eu", "new": 1}
    body = to_messages({"messages": [HELLO], **unknown}, Fields())
    assert body == translated() | unknown


@pytest.mark.parametrize(
    ("param", "request_"),
    [
        ("max_tokens", {"max_tokens": "7"}),
        ("max_completion_tokens", {"max_completion_tokens": True}),
        ("temperature", {"temperature": "hot"}),
        ("top_p", {"top_p": [1]}),
        ("stop", {"stop": 7}),
        ("stop[0]", {"stop": [7]}),
        ("user", {"user": 7}),
        ("metadata", {"metadata": "x"}),
        ("metadata.user_id", {"metadata": {"user_id": 7}}),
        ("reasoning_effort", {"reasoning_effort": "enormous"}),
        ("thinking", {"thinking": "hard"}),
        ("output_config", {"output_config": "x"}),
        ("response_format", {"response_format": "json"}),
        ("response_format.type", {"response_format": {}}),
        ("response_format.json_schema", {"response_format": {"type": "json_schema"}}),
        (
            "response_format.json_schema.schema",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        ),
        ("service_tier", {"service_tier": 1}),
        ("tools", {"tools": {}}),
        ("tools[0]", {"tools": ["add"]}),
        ("tools[0].type", {"tools": [{"function": FUNCTION}]}),
        ("tools[0].function", {"tools": [{"type": "function"}]}),
        ("tools[0].function.name", {"tools": [{"type": "function", "function": {}}]}),
        (
            "tools[0].function.parameters",
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
        ),
        ("tool_choice", {"tools": TOOLS, "tool_choice": "maybe"}),
        ("tool_choice", {"tools": TOOLS, "tool_choice": 7}),
        ("tool_choice.function", {"tools": TOOLS, "tool_choice": {"type": "function"}}),
        (
            "tool_choice.allowed_tools.mode",
            {"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "x"}}},
        ),
        ("model", {"model": 7}),
    ],
)
def test_a_wrong_field_is_named(param: str, request_: Json):
    refused(param, **request_)
