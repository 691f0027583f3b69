"""Chat messages as Anthropic's system prompt, turns and content blocks."""

import pytest

from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.fields import Fields
from tests.unit.apis.chat_samples import CACHED, HELLO, PNG, Json, call, calling, conversation, result, text


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        ([HELLO], None),
        ([{"role": "system", "content": "Be brief."}, HELLO], "Be brief."),
        ([{"role": "developer", "content": "Be brief."}, HELLO], "Be brief."),
        ([{"role": "system", "content": [text("Be brief.")]}, HELLO], "Be brief."),
        ([{"role": "system", "content": "A"}, HELLO, {"role": "developer", "content": "B"}], [text("A"), text("B")]),
        ([{"role": "system", "content": [text("A", **CACHED), text("B")]}, HELLO], [text("A", **CACHED), text("B")]),
        ([{"role": "system", "content": "A", **CACHED}, HELLO], [text("A", **CACHED)]),
        ([{"role": "system", "content": " "}, HELLO], None),
    ],
)
def test_system_and_developer_messages_are_the_system_prompt(messages: list[Json], system: object):
    body = conversation(*messages)
    assert body.get("system") == system
    assert body["messages"] == [HELLO]


def test_a_system_of_anthropics_own_goes_before_those_of_the_chat():
    request = {"system": [text("A")], "messages": [{"role": "system", "content": "B"}, HELLO]}
    assert to_messages(request, Fields())["system"] == [text("A"), text("B")]


def test_turns_of_the_same_role_are_one_turn():
    said = [HELLO, {"role": "user", "content": "again"}, {"role": "assistant", "content": "Hi"}, HELLO]
    assert conversation(*said)["messages"] == [
        {"role": "user", "content": [text("Hello"), text("again")]},
        {"role": "assistant", "content": "Hi"},
        HELLO,
    ]


def test_a_call_and_its_result_are_a_block_each():
    arguments = '{"x": 1, "y": [2.5, null, "é"]}'
    body = conversation(HELLO, calling(call("a", arguments=arguments), content="Let me see."), result("a"))
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                text("Let me see."),
                {"type": "tool_use", "id": "a", "name": "add", "input": {"x": 1, "y": [2.5, None, "é"]}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "3"}]},
    ]


def test_parallel_calls_have_their_results_in_one_turn_and_before_what_the_user_says():
    body = conversation(
        HELLO, calling(call("a"), call("b")), result("a"), {"role": "user", "content": "Go on"}, result("b")
    )
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": "3"},
        {"type": "tool_result", "tool_use_id": "b", "content": "3"},
        text("Go on"),
    ]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("3", {"content": "3"}),
        ([text("3"), text("4")], {"content": [text("3"), text("4")]}),
        ("", {}),
        ([], {}),
        (
            [text("3"), {"type": "image_url", "image_url": {"url": PNG}}],
            {
                "content": [
                    text("3"),
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                ]
            },
        ),
    ],
)
def test_the_content_of_a_tool_message_is_its_results(content: object, kept: Json):
    message = result("a", content) | {"name": "add"}
    block = conversation(HELLO, calling(call("a")), message)["messages"][2]["content"][0]
    assert block == {"type": "tool_result", "tool_use_id": "a", **kept}


def test_a_cache_breakpoint_stays_where_it_was():
    body = conversation(
        HELLO, calling(call("a") | CACHED), result("a") | CACHED, {"role": "user", "content": [text("x", **CACHED)]}
    )
    assert body["messages"][1]["content"][0]["cache_control"] == CACHED["cache_control"]
    assert [block["cache_control"] for block in body["messages"][2]["content"]] == [CACHED["cache_control"]] * 2


@pytest.mark.parametrize("arguments", ["", "  ", "{}"])
def test_a_call_without_arguments_has_an_empty_input(arguments: str):
    assert conversation(HELLO, calling(call("a", arguments=arguments)))["messages"][1]["content"][0]["input"] == {}


def test_an_id_that_anthropic_would_refuse_is_the_same_in_call_and_result():
    body = conversation(HELLO, calling(call("functions.add:0")), result("functions.add:0"))
    assert body["messages"][1]["content"][0]["id"] == "functions_add_0"
    assert body["messages"][2]["content"][0]["tool_use_id"] == "functions_add_0"


@pytest.mark.parametrize(
    "message",
    [{"content": ""}, {"content": "\n "}, {"content": [text("")]}, {"content": []}, {"content": None}, {}],
)
def test_text_that_says_nothing_is_left_out(message: Json):
    assert conversation(HELLO, {"role": "assistant", **message}, HELLO)["messages"] == [
        {"role": "user", "content": [text("Hello"), text("Hello")]}
    ]


@pytest.mark.parametrize(
    "message", [{"content": None, "refusal": "No."}, {"content": [{"type": "refusal", "refusal": "No."}]}]
)
def test_a_refusal_is_what_the_assistant_said(message: Json):
    assert conversation(HELLO, {"role": "assistant", **message})["messages"][1] == {
        "role": "assistant",
        "content": "No.",
    }


def test_thinking_blocks_come_first_and_as_they_were():
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "d"}
    unsigned = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    message = calling(call("a"), thinking_blocks=[thought | {"index": 0}, hidden, unsigned], reasoning_content="Hm.")
    assert conversation(HELLO, message, result("a"))["messages"][1]["content"] == [
        thought,
        hidden,
        {"type": "tool_use", "id": "a", "name": "add", "input": {}},
    ]


def test_reasoning_without_its_blocks_is_not_sent():
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "Hm."}
    assert conversation(HELLO, message)["messages"][1] == {"role": "assistant", "content": "Hi"}
