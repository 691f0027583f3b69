"""The parts of chat messages as Anthropic's content blocks, and the messages that can't be translated."""

import base64

import pytest

from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.fields import Fields
from contracts.errors import ErrorCode, PenstockError
from tests.unit.apis.chat_samples import HELLO, PDF, PNG, Json, call, calling, conversation, text
from tests.unit.apis.sdk import check_messages_request


def said_by_user(*parts: Json) -> object:
    return conversation({"role": "user", "content": list(parts)})["messages"][0]["content"]


@pytest.mark.parametrize(
    ("image", "source"),
    [
        ({"url": PNG}, {"type": "base64", "media_type": "image/png", "data": "AAAA"}),
        ({"url": PNG, "detail": "high"}, {"type": "base64", "media_type": "image/png", "data": "AAAA"}),
        ({"url": "data:image/jpg;base64,AAAA"}, {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}),
        ({"url": "https://example.com/a.png"}, {"type": "url", "url": "https://example.com/a.png"}),
        ({"url": "http://example.com/a.png"}, {"type": "url", "url": "http://example.com/a.png"}),
        (PNG, {"type": "base64", "media_type": "image/png", "data": "AAAA"}),
    ],
)
def test_an_image_is_a_block_with_a_source(image: object, source: Json):
    assert said_by_user({"type": "image_url", "image_url": image}) == [{"type": "image", "source": source}]


@pytest.mark.parametrize(
    ("file", "block"),
    [
        (
            {"file_data": PDF, "filename": "a.pdf"},
            {"source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}, "title": "a.pdf"},
        ),
        ({"file_data": "BBBB"}, {"source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}}),
        (
            {"file_data": "data:text/plain;base64," + base64.b64encode("é".encode()).decode()},
            {"source": {"type": "text", "media_type": "text/plain", "data": "é"}},
        ),
    ],
)
def test_a_file_is_a_document(file: Json, block: Json):
    assert said_by_user({"type": "file", "file": file}) == [{"type": "document", **block}]


def test_a_file_that_is_an_image_is_one():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    assert said_by_user({"type": "file", "file": {"file_data": PNG}}) == [image]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
        {"type": "search_result", "source": "s", "title": "t", "content": [text("x")]},
    ],
)
def test_blocks_of_anthropics_own_go_on_as_they_are(block: Json):
    assert said_by_user(block, text("?")) == [block, text("?")]


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ("Hello", "messages"),
        ([], "messages"),
        ([{"role": "system", "content": "Be brief."}], "messages"),
        (["Hello"], "messages[0]"),
        ([{"content": "Hello"}], "messages[0].role"),
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": 7}], "messages[0].content"),
        ([{"role": "user", "content": ["Hello"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"text": "Hello"}]}], "messages[0].content[0].type"),
        ([{"role": "user", "content": [text(7)]}], "messages[0].content[0].text"),  # type: ignore[arg-type]
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0].image_url"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "messages[0].content[0].image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "gs://a/b"}}]}],
            "messages[0].content[0].image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,AAAA"}}]}],
            "messages[0].content[0].image_url.url",
        ),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file"),
        (
            [{"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/plain;base64,_"}}]}],
            "messages[0].content[0].file.file_data",
        ),
        ([HELLO, calling("x")], "messages[1].tool_calls[0]"),  # type: ignore[arg-type]
        ([HELLO, calling({"id": "a", "type": "function"})], "messages[1].tool_calls[0].function"),
        ([HELLO, calling(call("a", arguments="{"))], "messages[1].tool_calls[0].function.arguments"),
        ([HELLO, calling(call("a", arguments="[1]"))], "messages[1].tool_calls[0].function.arguments"),
        ([HELLO, calling(call("a", arguments="NaN"))], "messages[1].tool_calls[0].function.arguments"),
        ([HELLO, calling(call(""))], "messages[1].tool_calls[0].id"),
        ([HELLO, {"role": "tool", "content": "3"}], "messages[1].tool_call_id"),
        ([HELLO, {"role": "assistant", "content": "x", "tool_calls": {}}], "messages[1].tool_calls"),
        (
            [HELLO, {"role": "assistant", "content": "x", "thinking_blocks": [{"type": "text"}]}],
            "messages[1].thinking_blocks[0].type",
        ),
        (
            [HELLO, {"role": "assistant", "content": "x", "thinking_blocks": [{"type": "thinking", "signature": "s"}]}],
            "messages[1].thinking_blocks[0].thinking",
        ),
    ],
)
@pytest.mark.parametrize("drop", [False, True])
def test_what_is_wrong_is_named_even_if_fields_may_be_dropped(messages: object, param: str, drop: bool):
    with pytest.raises(PenstockError) as caught:
        to_messages({"messages": messages}, Fields(drop=drop))
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": "x", "name": "ann"}, "messages[1].name"),
        ({"role": "system", "content": "x", "name": "ann"}, "messages[1].name"),
        ({"role": "assistant", "content": "x", "name": "ann"}, "messages[1].name"),
        ({"role": "function", "content": "x", "name": "add"}, "messages[1].role"),
        ({"role": "assistant", "content": "x", "audio": {"id": "a"}}, "messages[1].audio"),
        (
            {"role": "assistant", "content": "x", "function_call": {"name": "f", "arguments": ""}},
            "messages[1].function_call",
        ),
        (
            calling({"id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}),
            "messages[1].tool_calls[0].type",
        ),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, "messages[1].content[0].type"),
        ({"role": "user", "content": [{"type": "video_url", "video_url": {}}]}, "messages[1].content[0].type"),
        (
            {"role": "system", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            "messages[1].content[0].type",
        ),
        (
            {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
            "messages[1].content[0].type",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}]},
            "messages[1].content[0].image_url.url",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:audio/wav;base64,AA"}}]},
            "messages[1].content[0].file.file_data",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
            "messages[1].content[0].file.file_id",
        ),
    ],
)
def test_what_anthropic_has_no_place_for_is_named_or_dropped(message: Json, param: str):
    with pytest.raises(PenstockError) as caught:
        conversation(HELLO, message)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_REQUEST, param)
    fields = Fields(drop=True)
    check_messages_request(to_messages({"messages": [HELLO, message]}, fields))
    assert fields.dropped == [param]
