"""Anthropic's system prompt and turns as the messages of a chat."""

import pytest

from tests.unit.apis.asked_samples import (
    CACHED,
    FILE,
    HELLO,
    IMAGE,
    PDF,
    SHOWN,
    Json,
    assistant,
    conversation,
    result,
    text,
    use,
    user,
)


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("Be brief.", "Be brief."),
        ([text("Be brief.", **CACHED)], "Be brief."),
        ([text("A"), text("B")], "A\n\nB"),
    ],
)
def test_the_system_prompt_is_the_first_message(system: object, said: str):
    assert conversation(HELLO, system=system) == [{"role": "system", "content": said}, HELLO]


def test_an_empty_system_prompt_is_none():
    assert conversation(HELLO, system=[]) == conversation(HELLO, system=None) == [HELLO]


def test_a_system_message_stays_where_it_stands():
    inside = {"role": "system", "content": [text("Be brief.")]}
    assert conversation(HELLO, inside) == [HELLO, {"role": "system", "content": "Be brief."}]


@pytest.mark.parametrize(
    ("blocks", "content"),
    [
        ([], ""),
        ([text("Hello", **CACHED)], "Hello"),
        ([text("A"), text("B")], "A\n\nB"),
        ([text("Look:"), IMAGE], [text("Look:"), SHOWN]),
        ([IMAGE | CACHED, text("?")], [SHOWN, text("?")]),
        (
            [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}],
            [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
        ),
        ([PDF | CACHED], [FILE]),
        (
            [PDF | {"title": "a.pdf", "context": "From Ann."}],
            [text("From Ann."), {"type": "file", "file": {**FILE["file"], "filename": "a.pdf"}}],
        ),
        ([PDF | {"citations": {"enabled": False}}], [FILE]),
        ([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}], "x"),
        (
            [{"type": "document", "title": "T", "context": "C",
              "source": {"type": "text", "media_type": "text/plain", "data": "x"}}],
            "T\nC\nx",
        ),
        ([{"type": "document", "source": {"type": "content", "content": "x"}}], "x"),
        ([{"type": "document", "title": "T", "source": {"type": "content", "content": [text("x"), IMAGE]}}],
         [text("T"), text("x"), SHOWN]),
        ([{"type": "search_result", "title": "T", "source": "https://a", "content": [text("x"), text("y")]}],
         "T\nhttps://a\nx\ny"),
    ],
)  # fmt: skip
def test_what_the_user_shows_is_a_part_and_text_alone_is_a_string(blocks: list[Json], content: object):
    assert conversation(user(*blocks)) == [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Hi", {"content": "Hi"}),
        ([], {"content": ""}),
        ([text("Hel", citations=[]), text("lo")], {"content": "Hello"}),
        (
            [text("Wait."), use("a", x=1, y="é"), use("b")],
            {
                "content": "Wait.",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x":1,"y":"é"}'}},
                    {"id": "b", "type": "function", "function": {"name": "add", "arguments": "{}"}},
                ],
            },
        ),
        (
            [use("a", _raw="{x: 1}")],
            {
                "content": None,
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "add", "arguments": "{x: 1}"}}],
            },
        ),
        (
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                text("3"),
            ],
            {"content": "3"},
        ),
    ],
)
def test_what_the_assistant_said_is_one_message_without_its_thinking(content: object, said: Json):
    assert conversation(HELLO, {"role": "assistant", "content": content})[1] == {"role": "assistant", **said}


def test_results_are_a_message_each_and_come_before_what_else_the_user_says():
    turn = user(text("Here:"), result("a", content="3"), result("b", content=[text("4"), text("5")], **CACHED), IMAGE)
    assert conversation(HELLO, assistant(use("a"), use("b")), turn)[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "3"},
        {"role": "tool", "tool_call_id": "b", "content": "4\n\n5"},
        {"role": "user", "content": [text("Here:"), SHOWN]},
    ]


@pytest.mark.parametrize(
    ("more", "content"),
    [
        ({}, ""),
        ({"content": None}, ""),
        ({"content": []}, ""),
        ({"content": "3", "is_error": False}, "3"),
        ({"content": "No such file", "is_error": True}, "Error: No such file"),
        ({"is_error": True}, "Error: "),
        ({"content": [{"type": "search_result", "title": "T", "source": "S", "content": [text("x")]}]}, "T\nS\nx"),
    ],
)
def test_a_result_is_text_and_a_failed_one_is_marked(more: Json, content: str):
    assert conversation(HELLO, assistant(use("a")), user(result("a", **more)))[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": content}
    ]


def test_an_id_that_openai_would_refuse_is_the_same_short_one_in_call_and_result():
    turns = [assistant(use("a" * 40), use("b" * 41), use("c" * 41)), user(result("b" * 41), result("c" * 41))]
    called, first, second = conversation(HELLO, *turns)[1:]
    ids = [call["id"] for call in called["tool_calls"]]
    assert ids == ["a" * 40, first["tool_call_id"], second["tool_call_id"]]
    assert (len(set(ids)), {len(id_) for id_ in ids}) == (3, {40})


def test_what_a_tool_message_cannot_carry_follows_in_a_users_message():
    turn = user(result("a", content=[text("See:"), IMAGE]), result("b", content=[PDF]), text("So?"))
    assert conversation(HELLO, assistant(use("a"), use("b")), turn)[2:] == [
        {"role": "tool", "tool_call_id": "a", "content": "See:"},
        {"role": "tool", "tool_call_id": "b", "content": "The result is in the next message."},
        {"role": "user", "content": [SHOWN, FILE, text("So?")]},
    ]
