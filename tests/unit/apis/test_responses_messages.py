"""The items of an input as the messages of a chat."""

from typing import Any

import pytest

from contracts.apis.fields import Fields
from contracts.apis.responses.messages import to_messages
from contracts.apis.responses.thinking import sealed, unsealed
from tests.unit.apis.responses_samples import BLOCKS

Json = dict[str, Any]
USER: Json = {"role": "user", "content": "Hello"}


BROKEN = (sealed(BLOCKS) or "").replace("v1.", "v1.%")


def messages(*items: Json) -> list[Json]:
    return to_messages({"model": "m", "input": list(items)}, Fields())


def call(call_id: str, name: str = "add", arguments: str = "{}") -> Json:
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def chat_call(call_id: str, name: str = "add", arguments: str = "{}") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def output(call_id: str, text: str = "3") -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def tool(call_id: str, text: str = "3") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def said(text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def thought(*blocks: Json) -> Json:
    summary = [{"type": "summary_text", "text": "…"}]
    return {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": sealed(list(blocks))}


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant"])
@pytest.mark.parametrize("content", ["Hello", [{"type": "input_text", "text": "Hello"}]])
@pytest.mark.parametrize("kind", [{}, {"type": "message"}])
def test_a_message_keeps_its_role_and_text_however_it_is_written(role: str, content: object, kind: Json):
    assert messages({**kind, "role": role, "content": content}) == [{"role": role, "content": "Hello"}]


@pytest.mark.parametrize(
    ("part", "becomes"),
    [
        (
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,AA==", "file_id": None},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
        ),
        ({"type": "input_file", "file_id": "file_1"}, {"type": "file", "file": {"file_id": "file_1"}}),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ),
        (
            {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}},
        ),
    ],
)
def test_a_part_has_its_counterpart(part: Json, becomes: Json):
    content = [{"type": "input_text", "text": "Look:"}, part]
    assert messages({"role": "user", "content": content}) == [
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, becomes]}
    ]


def test_a_refusal_that_was_answered_stays_one():
    content = [{"type": "refusal", "refusal": "I won't."}]
    assert messages(USER, {"role": "assistant", "content": content}) == [
        USER,
        {"role": "assistant", "content": None, "refusal": "I won't."},
    ]


def test_a_call_and_its_output_become_an_assistants_and_a_tools_message():
    assert messages(USER, call("a", "add", '{"x":1}'), output("a")) == [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [chat_call("a", "add", '{"x":1}')]},
        tool("a"),
    ]


def test_parallel_calls_and_the_text_before_them_are_one_message():
    assert messages(USER, said("I look."), call("a"), call("b"), output("a"), output("b"), said("Done.")) == [
        USER,
        {"role": "assistant", "content": "I look.", "tool_calls": [chat_call("a"), chat_call("b")]},
        tool("a"),
        tool("b"),
        {"role": "assistant", "content": "Done."},
    ]


def test_text_between_calls_and_their_outputs_goes_to_the_calls():
    assert messages(call("a"), said("I look."), output("a"), call("b"), output("b")) == [
        {"role": "assistant", "content": "I look.", "tool_calls": [chat_call("a")]},
        tool("a"),
        {"role": "assistant", "content": None, "tool_calls": [chat_call("b")]},
        tool("b"),
    ]


def test_two_things_said_without_a_call_stay_two_messages():
    assert messages(said("a"), said("b")) == [
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "b"},
    ]


def test_a_tools_output_may_be_a_list_with_images():
    shown = [{"type": "input_text", "text": "Here"}, {"type": "input_image", "image_url": "https://x/y.png"}]
    outcome = {"type": "function_call_output", "call_id": "a", "output": shown}
    assert messages(call("a"), outcome)[1]["content"] == [
        {"type": "text", "text": "Here"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
    ]


def test_thinking_goes_back_with_the_message_that_it_led_to():
    assert messages(USER, thought(BLOCKS[0]), said("I look."), thought(BLOCKS[1]), call("a"), output("a"))[1:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "thinking_blocks": BLOCKS,
            "tool_calls": [chat_call("a")],
        },
        tool("a"),
    ]


def test_hidden_thinking_that_comes_last_goes_to_what_was_said_before():
    assert messages(USER, said("I look."), call("a"), thought(*BLOCKS), output("a"))[1] == {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [chat_call("a")],
        "thinking_blocks": BLOCKS,
    }
    assert messages(USER, said("Hi"), thought(*BLOCKS))[1]["thinking_blocks"] == BLOCKS


@pytest.mark.parametrize(
    "content", [None, "gAAAAABo", "penstock.thinking.v1.%%%", "penstock.thinking.v1.e30=", 7, BROKEN]
)
def test_reasoning_that_isnt_ours_to_read_says_nothing_to_the_model(content: object):
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}
    assert messages(USER, item, said("Hi")) == [USER, {"role": "assistant", "content": "Hi"}]


def test_thinking_comes_back_as_it_went():
    assert unsealed(sealed(BLOCKS)) == BLOCKS
    assert sealed([]) is None


def test_what_a_provider_wants_back_with_its_call_is_brought():
    extra = {"google": {"thought_signature": "c2ln"}}
    made = messages({**call("a"), "extra_content": extra}, output("a"))
    assert made[0]["tool_calls"] == [{**chat_call("a"), "extra_content": extra}]
