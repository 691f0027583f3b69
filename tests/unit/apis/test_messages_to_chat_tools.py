"""The tools and the structured outputs of a messages request, in the shape of a chat request."""

import pytest

from contracts.apis.fields import Fields
from contracts.apis.messages_to_chat.request import to_chat
from contracts.errors import PenstockError
from tests.unit.apis.asked_samples import CLOSED, FUNCTION, HELLO, SCHEMA, TOOL, Json, beside


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        (SCHEMA, False),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "properties": {"x": SCHEMA}}, False),
        ({**CLOSED, "properties": {"x": {"anyOf": [CLOSED, {"type": "null"}]}}}, True),
        ({**CLOSED, "required": "x"}, False),
    ],
)
@pytest.mark.parametrize("older", [False, True])
def test_a_format_is_a_schema_as_strict_as_openai_takes_it(schema: Json, strict: bool, older: bool):
    wanted = {"type": "json_schema", "schema": schema}
    body = beside(**({"output_format": wanted} if older else {"output_config": {"format": wanted}}))
    named = {"name": "answer", "schema": schema, "strict": strict}
    assert body == {"response_format": {"type": "json_schema", "json_schema": named}}


@pytest.mark.parametrize(
    ("tool", "function"),
    [
        (TOOL, FUNCTION),
        (TOOL | {"type": "custom", "cache_control": {"type": "ephemeral"}, "allowed_callers": ["direct"]}, FUNCTION),
        (TOOL | {"defer_loading": True, "eager_input_streaming": True, "input_examples": None}, FUNCTION),
        (
            {"name": "f", "input_schema": CLOSED, "strict": True},
            {"type": "function", "function": {"name": "f", "parameters": CLOSED, "strict": True}},
        ),
        (
            {"name": "f", "input_schema": SCHEMA, "strict": True},
            {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": False}},
        ),
    ],
)
def test_a_tool_is_a_function(tool: Json, function: Json):
    assert beside(tools=[tool]) == {"tools": [function]}


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (None, {}),
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "add"}, {"tool_choice": {"type": "function", "function": {"name": "add"}}}),
        ({"type": "auto", "disable_parallel_tool_use": False}, {"tool_choice": "auto"}),
        (
            {"type": "any", "disable_parallel_tool_use": True},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
    ],
)
def test_the_choice_of_a_tool_says_whether_calls_may_be_parallel(choice: Json | None, chosen: Json):
    assert beside(tools=[TOOL], tool_choice=choice) == {"tools": [FUNCTION], **chosen}


def test_without_tools_there_is_no_choice():
    assert beside(tools=[], tool_choice={"type": "auto"}) == {}


def test_a_schema_without_bottom_is_refused():
    schema: Json = {}
    for _ in range(5_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(PenstockError) as caught:
        to_chat({"messages": [HELLO], "output_config": {"format": {"type": "json_schema", "schema": schema}}}, Fields())
    assert caught.value.param == "output_config.format.schema"
