"""A field that the provider can't be asked is told by the name that the caller of the Responses API gave it."""

from typing import Any

import pytest

from contracts.apis.fields import Fields
from contracts.apis.responses.names import name_in
from contracts.apis.translate import Origin, translate
from contracts.errors import PenstockError
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_RESPONSES

REQUEST: dict[str, Any] = {
    "instructions": "Be brief",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "d", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
    ],
}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("logprobs", "top_logprobs"),
        ("reasoning_effort", "reasoning.effort"),
        ("verbosity", "text.verbosity"),
        ("response_format.json_schema.schema", "text.format.schema"),
        ("tools[1].function.parameters", "tools[1].parameters"),
        ("temperature", "temperature"),
        ("messages[0].content", "instructions"),
        ("messages[1].content[0].type", "input[0].content[0].type"),
        ("messages[1].content[0].image_url.url", "input[0].content[0].image_url"),
        ("messages[1].content[0].file.file_id", "input[0].content[0].file_id"),
        ("messages[2].tool_calls[1].function.arguments", "input[1]"),
        ("messages[3].content", "input[3].output"),
        ("messages[9].content", "input"),
    ],
)
def test_a_path_in_the_chat_has_a_name_in_the_response(path: str, name: str):
    assert name_in(REQUEST, path) == name


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"top_logprobs": 2, "include": ["message.output_text.logprobs"]}, "top_logprobs"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"temperature": 1.5}, "temperature"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
    ],
)
def test_the_caller_is_told_its_own_field(change: dict[str, Any], param: str):
    asked = {"input": "Hi", **change}
    with pytest.raises(PenstockError) as caught:
        translate(OPENAI_RESPONSES, asked, {ANTHROPIC_MESSAGES}, Fields(), Origin("r1", 1, "claude"))
    assert caught.value.param == param
    assert caught.value.message.startswith(param)


def test_what_may_be_dropped_is_dropped_by_that_name():
    fields = Fields(drop=True)
    asked = {"input": "Hi", "text": {"verbosity": "low"}}
    translate(OPENAI_RESPONSES, asked, {ANTHROPIC_MESSAGES}, fields, Origin("r1", 1, "claude"))
    assert fields.dropped == ["text.verbosity"]
