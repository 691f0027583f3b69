"""The fields of a messages request beside its messages: translated, refused by name, dropped, or forwarded."""

import pytest

from contracts.apis.fields import Fields
from contracts.apis.messages_to_chat.request import to_chat
from tests.unit.apis.asked_samples import FUNCTION, HELLO, TOOL, Json, beside, refused, translated


def test_the_plainest_request_has_neither_model_nor_stream():
    assert translated(stream=True) == {"max_tokens": 7, "messages": [HELLO]}


def test_the_limit_has_the_name_that_the_provider_knows():
    body = to_chat({"max_tokens": 7, "messages": [HELLO]}, Fields(), limit="max_completion_tokens")
    assert body == {"max_completion_tokens": 7, "messages": [HELLO]}


@pytest.mark.parametrize(
    ("request_", "added"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"stop_sequences": ["A", "B"]}, {"stop": ["A", "B"]}),
        ({"stop_sequences": []}, {}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"metadata": {"user_id": None}}, {}),
        ({"service_tier": "auto"}, {"service_tier": "auto"}),
        ({"service_tier": "standard_only"}, {"service_tier": "default"}),
        ({"cache_control": {"type": "ephemeral"}}, {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 2049}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 8192}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 8193}}, {"reasoning_effort": "high"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, {"reasoning_effort": "high"}),
        ({"thinking": {"type": "adaptive"}}, {}),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, {"reasoning_effort": "xhigh"}),
        ({"output_config": {"effort": "low"}}, {"reasoning_effort": "low"}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "output_config": {"effort": "max"}},
            {"reasoning_effort": "max"},
        ),
        ({"thinking": {"type": "disabled"}}, {}),
        ({"thinking": {"type": "between_tools"}}, {}),
    ],
)
def test_a_field_has_its_counterpart(request_: Json, added: Json):
    assert beside(**request_) == added


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_k", 5),
        ("container", "c"),
        ("mcp_servers", [{"type": "url", "url": "https://x"}]),
        ("context_management", {"edits": []}),
        ("inference_geo", "eu"),
        ("speed", "fast"),
        ("diagnostics", {"previous_message_id": None}),
        ("user_profile_id", "u"),
        ("workspace_id", "w"),
        ("fallbacks", [{"model": "m"}]),
        ("service_tier", "flex"),
    ],
)
def test_what_a_chat_provider_cannot_be_asked_is_named_or_dropped(name: str, value: object):
    assert "drop_params" in refused(name, **{name: value})
    fields = Fields(drop=True)
    assert translated(fields, **{name: value}) == translated()
    assert fields.dropped == [name]


@pytest.mark.parametrize(
    ("param", "request_", "left"),
    [
        ("stop_sequences", {"stop_sequences": list("abcde")}, {"stop": list("abcd")}),
        ("metadata.team", {"metadata": {"team": "x", "user_id": "u"}}, {"user": "u"}),
        (
            "output_config.effort",
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
            {},
        ),
        ("thinking.type", {"thinking": {"type": "telepathic"}}, {}),
        ("output_config.format.type", {"output_config": {"format": {"type": "grammar"}}}, {}),
        (
            "tools[0].type",
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}, TOOL]},
            {"tools": [FUNCTION]},
        ),
        ("tools[0].type", {"tools": [{"type": "bash_20250124", "name": "bash"}], "tool_choice": {"type": "any"}}, {}),
        ("tools[0].input_examples", {"tools": [TOOL | {"input_examples": [{"x": 1}]}]}, {"tools": [FUNCTION]}),
        (
            "tools[0].allowed_callers",
            {"tools": [TOOL | {"allowed_callers": ["code_execution_20250825"]}]},
            {"tools": [FUNCTION]},
        ),
    ],
)
def test_of_a_field_that_it_cannot_be_asked_in_full_the_rest_stays(param: str, request_: Json, left: Json):
    refused(param, **request_)
    fields = Fields(drop=True)
    assert translated(fields, **request_) == translated() | left
    assert fields.dropped == [param]


def test_a_limit_of_0_only_warms_anthropics_cache():
    refused("max_tokens", max_tokens=0)
    assert translated(Fields(drop=True), max_tokens=0) == {"messages": [HELLO]}


NULLS = (
    *("top_k", "container", "mcp_servers", "context_management", "inference_geo", "speed", "diagnostics", "fallbacks"),
    *("user_profile_id", "workspace_id", "service_tier", "metadata", "system", "thinking", "output_config"),
    *("output_format", "stop_sequences", "temperature", "top_p", "tools", "tool_choice", "cache_control"),
)


def test_a_user_with_an_id_that_openai_would_refuse_has_a_short_one():
    short, other = (translated(metadata={"user_id": letter * 65})["user"] for letter in "ab")
    assert (len(short), len(other), short == other) == (64, 64, False)
    assert translated(metadata={"user_id": "a" * 65})["user"] == short
    assert translated(metadata={"user_id": "a" * 64})["user"] == "a" * 64


def test_null_and_the_default_ask_for_nothing():
    assert translated(**dict.fromkeys(NULLS)) == translated(speed="standard", mcp_servers=[]) == translated()


def test_what_anthropics_api_does_not_know_goes_on_as_it_is():
    assert beside(seed=7, logit_bias={"1": 2}, verbosity="low") == {
        "seed": 7,
        "logit_bias": {"1": 2},
        "verbosity": "low",
    }


@pytest.mark.parametrize(
    ("param", "request_"),
    [
        ("max_tokens", {"max_tokens": "7"}),
        ("temperature", {"temperature": "hot"}),
        ("top_p", {"top_p": True}),
        ("stop_sequences", {"stop_sequences": "END"}),
        ("stop_sequences[0]", {"stop_sequences": [7]}),
        ("metadata", {"metadata": "u"}),
        ("metadata.user_id", {"metadata": {"user_id": 7}}),
        ("thinking", {"thinking": "hard"}),
        ("thinking.type", {"thinking": {"budget_tokens": 1024}}),
        ("thinking.budget_tokens", {"thinking": {"type": "enabled"}}),
        ("output_config", {"output_config": "x"}),
        ("output_config.effort", {"output_config": {"effort": "enormous"}}),
        ("output_config.format", {"output_config": {"format": "json"}}),
        ("output_config.format.type", {"output_config": {"format": {}}}),
        ("output_config.format.schema", {"output_config": {"format": {"type": "json_schema"}}}),
        ("service_tier", {"service_tier": 1}),
        ("tools", {"tools": {}}),
        ("tools[0]", {"tools": ["add"]}),
        ("tools[0].name", {"tools": [{"input_schema": {}}]}),
        ("tools[0].input_schema", {"tools": [{"name": "f"}]}),
        ("tools[0].description", {"tools": [{"name": "f", "description": 7, "input_schema": {}}]}),
        ("tool_choice", {"tools": [TOOL], "tool_choice": "auto"}),
        ("tool_choice.type", {"tools": [TOOL], "tool_choice": {"type": "maybe"}}),
        ("tool_choice.name", {"tools": [TOOL], "tool_choice": {"type": "tool"}}),
    ],
)
def test_a_wrong_field_is_named(param: str, request_: Json):
    refused(param, **request_)
