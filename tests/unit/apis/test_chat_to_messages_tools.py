"""The tools and the structured outputs of a chat request, in Anthropic's shape."""

import anthropic
import pytest

from contracts.apis.chat_to_messages.schema import constrained
from contracts.errors import PenstockError
from tests.unit.apis.chat_samples import FUNCTION, HELLO, TOOL, TOOLS, Json, beside, translated


@pytest.mark.parametrize(
    ("tool", "made"),
    [
        (TOOLS[0], TOOL),
        (
            {"type": "function", "function": {"name": "f"}},
            {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        ),
        (
            {"type": "function", "function": {"name": "f", "parameters": {"properties": {}}, "strict": None}},
            {"name": "f", "input_schema": {"type": "object", "properties": {}}},
        ),
        (
            {"type": "function", "function": {**FUNCTION, "strict": True}, "cache_control": {"type": "ephemeral"}},
            {
                **TOOL,
                "strict": True,
                "cache_control": {"type": "ephemeral"},
                "input_schema": {"type": "object", "properties": {"x": {}}, "additionalProperties": False},
            },
        ),
        ({"type": "function", "function": {**FUNCTION, "strict": False}}, {**TOOL, "strict": False}),
        ({"type": "function", "function": FUNCTION, "defer_loading": True}, {**TOOL, "defer_loading": True}),
        (
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ),
    ],
)
def test_a_function_is_a_tool_with_an_input_schema(tool: Json, made: Json):
    assert beside(tools=[tool]) == {"tools": [made]}


@pytest.mark.parametrize(
    ("request_", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, {"type": "tool", "name": "add"}),
        ({"tool_choice": {"type": "any"}}, {"type": "any"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": False, "tool_choice": "required"}, {"type": "any", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
    ],
)
def test_the_choice_of_a_tool_carries_parallel_calls(request_: Json, choice: Json | None):
    assert translated(tools=TOOLS, **request_).get("tool_choice") == choice


def test_without_tools_there_is_no_choice():
    assert beside(tools=[], tool_choice="auto", parallel_tool_calls=False) == {}


def test_of_the_tools_only_the_allowed_ones_are_offered():
    other = {"type": "function", "function": {"name": "sub"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "add"}}]}
    body = translated(tools=[*TOOLS, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert ([tool["name"] for tool in body["tools"]], body["tool_choice"]) == (["add"], {"type": "any"})


def test_a_json_object_is_asked_for_in_words():
    system = translated(messages=[{"role": "system", "content": "Hi"}, HELLO], response_format={"type": "json_object"})[
        "system"
    ]
    assert system[0]["text"] == "Hi"
    assert "JSON object" in system[1]["text"]


def test_a_json_schema_is_the_format_of_the_output():
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    closed = schema | {"additionalProperties": False}
    assert beside(response_format=wanted, output_config={"effort": "low"}) == {
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": closed}}
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 1, "maximum": 10, "description": "A number"},
        {"type": "string", "minLength": 2, "format": "email"},
        {"type": "string", "format": "regex"},
        {"type": "array", "items": {"type": "string", "pattern": "a+"}, "minItems": 1, "uniqueItems": True},
        {"type": "array", "items": {"type": "number"}, "minItems": 2},
        {"type": "object", "properties": {"x": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/X"}]}}, "required": ["x"],
         "$defs": {"X": {"type": "object", "title": "X", "properties": {"y": {"oneOf": [{"type": "string"}]}}}}},
        {"$ref": "#/$defs/X", "$defs": {"X": {"type": "object", "properties": {}, "additionalProperties": True}}},
    ],
)  # fmt: skip
def test_a_schema_is_what_anthropics_sdk_would_send(schema: Json):
    assert constrained(schema, "schema") == anthropic.transform_schema(schema)


def test_a_schema_may_name_several_types_and_say_nothing_of_the_type():
    schema = {"properties": {"x": {"type": ["string", "null"], "enum": ["a", None]}, "y": {"enum": [1]}}}
    assert constrained(schema, "schema") == {**schema, "additionalProperties": False}


def test_a_schema_without_bottom_is_refused():
    schema: Json = {}
    for _ in range(5_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(PenstockError) as caught:
        constrained(schema, "schema")
    assert caught.value.param == "schema"
