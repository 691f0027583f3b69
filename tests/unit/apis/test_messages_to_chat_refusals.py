"""What Anthropic's messages hold that a chat has no place for, and what is wrong in them."""

import pytest

from contracts.apis.fields import Fields
from contracts.apis.messages_to_chat.request import to_chat
from contracts.errors import ErrorCode, PenstockError
from tests.unit.apis.asked_samples import (
    DOCUMENT,
    HELLO,
    IMAGE,
    Json,
    assistant,
    conversation,
    result,
    use,
    user,
)


@pytest.mark.parametrize(
    ("turn", "param"),
    [
        (user({"type": "container_upload", "file_id": "f"}), "messages[1].content[0].type"),
        (user({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[1].content[0].source.type"),
        (user({**IMAGE, "transformations": {"x": 1}}), "messages[1].content[0].transformations"),
        (
            user({"type": "document", "source": {"type": "url", "url": "https://a"}}),
            "messages[1].content[0].source.type",
        ),
        (user({"type": "document", "source": {"type": "file", "file_id": "f"}}), "messages[1].content[0].source.type"),
        (user({**DOCUMENT, "citations": {"enabled": True}}), "messages[1].content[0].citations"),
        (
            user({"type": "search_result", "title": "T", "source": "S", "content": [], "citations": {"enabled": True}}),
            "messages[1].content[0].citations",
        ),
        (
            assistant({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
            "messages[1].content[0].type",
        ),
        (
            assistant({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
            "messages[1].content[0].type",
        ),
        (
            user(result("a", content=[{"type": "tool_reference", "tool_name": "x"}])),
            "messages[1].content[0].content[0].type",
        ),
    ],
)
def test_what_a_chat_has_no_place_for_is_named_or_dropped(turn: Json, param: str):
    with pytest.raises(PenstockError) as caught:
        conversation(HELLO, turn)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)
    fields = Fields(drop=True)
    conversation(HELLO, turn, fields=fields)
    assert fields.dropped == [param]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        (["Hello"], "messages[0]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "tool", "content": "x"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([user("x")], "messages[0].content[0]"),  # type: ignore[arg-type]
        ([user({"text": "x"})], "messages[0].content[0].type"),
        ([user({"type": "text"})], "messages[0].content[0].text"),
        ([user({"type": "image"})], "messages[0].content[0].source"),
        (
            [user({"type": "image", "source": {"type": "base64", "data": "A"}})],
            "messages[0].content[0].source.media_type",
        ),
        ([user({"type": "image", "source": {"type": "url"}})], "messages[0].content[0].source.url"),
        ([user({"type": "document", "source": {"type": "text"}})], "messages[0].content[0].source.data"),
        (
            [user({"type": "document", "source": {"type": "content", "content": [DOCUMENT]}})],
            "messages[0].content[0].source.content[0].type",
        ),
        (
            [user({"type": "search_result", "title": "T", "source": "S", "content": [IMAGE]})],
            "messages[0].content[0].content[0].type",
        ),
        ([user({"type": "search_result", "source": "S", "content": []})], "messages[0].content[0].title"),
        ([user({"type": "tool_result"})], "messages[0].content[0].tool_use_id"),
        ([user(result("a", content=7))], "messages[0].content[0].content"),
        ([assistant({"type": "tool_use", "id": "a", "name": "f"})], "messages[0].content[0].input"),
        ([assistant({"type": "tool_use", "id": "a", "input": {}})], "messages[0].content[0].name"),
        ([assistant({"type": "tool_use", "name": "f", "input": {}})], "messages[0].content[0].id"),
        ([assistant(use("a", x=2**70))], "messages[0].content[0].input"),
        ([{"role": "system", "content": [IMAGE]}], "messages[0].content[0].type"),
    ],
)
@pytest.mark.parametrize("drop", [False, True])
def test_what_is_wrong_is_named_even_if_fields_may_be_dropped(messages: object, param: str, drop: bool):
    with pytest.raises(PenstockError) as caught:
        to_chat({"messages": messages}, Fields(drop=drop))
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)


@pytest.mark.parametrize(("system", "param"), [(7, "system"), ([IMAGE], "system[0].type"), (["x"], "system[0]")])
def test_a_wrong_system_prompt_is_named(system: object, param: str):
    with pytest.raises(PenstockError) as caught:
        conversation(HELLO, system=system)
    assert caught.value.param == param
