"""A chat completion as Anthropic's message."""

from typing import Any

import pytest

from contracts.apis.messages_to_chat.answer import to_message
from tests.unit.apis.completion_samples import COUNTED, USAGE, Json, call, completion, use
from tests.unit.apis.sdk import check_message


def translated(**said: Any) -> Json:
    message = to_message(completion(**said))
    check_message(message)
    return message


def test_a_completion_is_a_message():
    assert translated(content="Hello") == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "gpt",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": COUNTED,
    }


def test_the_model_is_the_one_that_was_asked_for_where_it_is_given():
    assert to_message(completion(content="x"), model="fast")["model"] == "fast"


@pytest.mark.parametrize("said", [{"id": "msg_1"}, {"id": "1"}, {"id": "chatcmpl-1"}])
def test_an_id_is_one_of_a_message(said: Json):
    assert to_message(completion(content="x") | said)["id"] == "msg_1"


def test_without_an_id_of_its_own_a_message_gets_one():
    ids = {to_message(completion(content="x") | {"id": ""})["id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(id_.startswith("msg_") and len(id_) > 20 for id_ in ids)


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ({"content": None}, []),
        ({"content": ""}, []),
        ({"content": "Hi", "refusal": None, "annotations": []}, [{"type": "text", "text": "Hi"}]),
        ({"refusal": "No."}, [{"type": "text", "text": "No."}]),
        (
            {"content": "3", "reasoning_content": "Hm."},
            [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "3"}],
        ),
        (
            {"content": "3", "reasoning": "Hm."},
            [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "3"}],
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                    {"type": "text", "text": "3"},
                ]
            },
            [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "3"}],
        ),
        ({"tool_calls": [call("a", '{"x": 1}'), call("b", "")]}, [use("a", x=1), use("b")]),
        ({"content": "So:", "tool_calls": [call("a")]}, [{"type": "text", "text": "So:"}, use("a")]),
    ],
)
def test_content_reasoning_and_calls_are_blocks(said: Json, content: list[Json]):
    assert translated(**said)["content"] == content


@pytest.mark.parametrize("arguments", ["{x: 1}", "[1]", "nonsense", '{"x": "cut o', "7"])
def test_arguments_that_are_no_object_are_kept_as_they_were_written(arguments: str):
    assert translated(tool_calls=[call("a", arguments)])["content"] == [use("a", _raw=arguments)]


def test_a_call_without_an_id_gets_one():
    first, second = translated(tool_calls=[call(""), call("")])["content"]
    assert first["id"] != second["id"]
    assert first["id"].startswith("toolu_")


@pytest.mark.parametrize(
    ("finish_reason", "more", "stop_reason", "stop_sequence"),
    [
        ("stop", {"content": "x"}, "end_turn", None),
        ("length", {"content": "x"}, "max_tokens", None),
        ("tool_calls", {"tool_calls": [call("a")]}, "tool_use", None),
        ("function_call", {"content": "x"}, "tool_use", None),
        ("content_filter", {"content": "x"}, "refusal", None),
        ("stop", {"tool_calls": [call("a")]}, "tool_use", None),
        ("stop", {"refusal": "No."}, "refusal", None),
        ("stop", {"content": "x", "choice": {"stop_reason": "END"}}, "stop_sequence", "END"),
        ("stop", {"content": "x", "choice": {"stop_reason": 128009}}, "end_turn", None),
        ("eos", {"content": "x"}, "end_turn", None),
    ],
)
def test_every_finish_reason_has_its_stop_reason(
    finish_reason: str, more: Json, stop_reason: str, stop_sequence: str | None
):
    message = translated(finish_reason=finish_reason, **more)
    assert (message["stop_reason"], message["stop_sequence"]) == (stop_reason, stop_sequence)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, dict.fromkeys(COUNTED, 0)),
        (USAGE, COUNTED),
        (
            {
                **USAGE,
                "prompt_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 6,
                "output_tokens": 5,
                "output_tokens_details": {"thinking_tokens": 4},
            },
        ),
        ({**USAGE, "prompt_tokens_details": None, "completion_tokens_details": {"reasoning_tokens": None}}, COUNTED),
        (
            {**USAGE, "prompt_tokens_details": {"cached_tokens": 11}},
            COUNTED | {"input_tokens": 0, "cache_read_input_tokens": 11},
        ),
    ],
)
def test_cached_input_is_counted_apart(usage: Json | None, counted: Json):
    assert translated(content="x", usage=usage)["usage"] == counted


@pytest.mark.parametrize(
    ("tier", "expected"), [("default", "standard"), ("priority", "priority"), ("flex", None), (None, None)]
)
def test_the_service_tier_is_anthropics_where_it_has_one(tier: str | None, expected: str | None):
    assert to_message({**completion(content="x"), "service_tier": tier})["usage"].get("service_tier") == expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": []},
        {"choices": "x"},
        {"choices": [1]},
        {"choices": [{}]},
        {"choices": [{"message": "x"}]},
        completion(content=7),
        completion(content=[7]),
        completion(content=[{"text": "x"}]),
        completion(reasoning_content=7),
        completion(tool_calls="x"),
        completion(tool_calls=[{"id": "a"}]),
        completion(tool_calls=[{"id": "a", "function": {"arguments": "{}"}}]),
        completion(tool_calls=[call("a") | {"id": 7}]),
        completion(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": {}}}]),
        completion(content="x", finish_reason=["stop"]),  # type: ignore[arg-type]
        completion(content="x", usage={"prompt_tokens": "x"}),
        completion(content="x") | {"id": 7},
    ],
)
def test_what_is_no_completion_is_an_error_of_its_shape(answer: Json):
    with pytest.raises((KeyError, TypeError, ValueError)):
        to_message(answer)
