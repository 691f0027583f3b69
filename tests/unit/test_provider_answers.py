"""The provider worker's pure parts: chunks to an answer, usage to tokens, failures to errors."""

from typing import Any

import pytest

from contracts.apis import chat, messages
from contracts.apis.assemble_chat import ChatAssembler
from contracts.errors import ErrorCode
from contracts.inference import OPENAI_CHAT, TokenUsage
from workers.provider.errors import from_status
from workers.provider.usage import estimated

HEAD = {"id": "c1", "created": 1, "model": "m", "object": "chat.completion.chunk"}


def chunk(delta: dict[str, Any], finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}]}


def assembled(*chunks: dict[str, Any]) -> dict[str, Any]:
    assembler = ChatAssembler()
    for one in chunks:
        assembler.add(one)
    return assembler.answer()


def test_chunks_make_the_whole_answer():
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    whole = assembled(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        {**HEAD, "choices": [], "usage": usage},
    )
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    assert whole == {**HEAD, "object": "chat.completion", "choices": [choice], "usage": usage}


def test_tool_calls_are_put_together_from_their_fragments():
    def part(index: int, **function: str) -> dict[str, Any]:
        return {"index": index, "function": function}

    whole = assembled(
        chunk({"tool_calls": [{**part(0, name="add", arguments=""), "id": "a"}]}),
        chunk({"tool_calls": [part(0, arguments='{"x":')]}),
        chunk({"tool_calls": [part(0, arguments="1}"), {**part(1, name="sub", arguments="{}"), "id": "b"}]}),
        chunk({}, "tool_calls"),
    )
    calls = whole["choices"][0]["message"]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("a", {"name": "add", "arguments": '{"x":1}'}),
        ("b", {"name": "sub", "arguments": "{}"}),
    ]


def test_choices_are_kept_apart_and_in_order():
    whole = assembled(chunk({"content": "b"}, index=1), chunk({"content": "a"}), chunk({"content": "B"}, index=1))
    assert [choice["message"]["content"] for choice in whole["choices"]] == ["a", "bB"]


def test_what_the_provider_reports_is_taken_as_it_is():
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    expected = TokenUsage(input_tokens=9, output_tokens=8, cached_input_tokens=4, reasoning_tokens=3)
    assert chat.tokens(usage) == expected
    assert chat.tokens(None) is None


def test_anthropics_cached_input_is_counted_in():
    usage = {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 4}
    written = {"cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1}}
    expected = TokenUsage(input_tokens=10, output_tokens=4, cached_input_tokens=5, cache_write_tokens=2)
    assert messages.tokens(usage) == expected
    assert messages.tokens(usage | written) == expected.model_copy(update={"cache_write_1h_tokens": 1})


def test_a_stream_of_messages_tells_its_usage_in_two_events():
    begun = messages.usage_in(
        {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}}, None
    )
    ended = messages.usage_in({"type": "message_delta", "usage": {"output_tokens": 9, "input_tokens": None}}, begun)
    assert messages.tokens(ended) == TokenUsage(input_tokens=3, output_tokens=9)


def test_an_estimate_is_marked_as_one():
    request = {"messages": [{"content": "12345678"}, {"content": [{"type": "text", "text": "1234"}]}]}
    assert estimated(OPENAI_CHAT, request, 9) == TokenUsage(input_tokens=3, output_tokens=3, estimated=True)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, ErrorCode.INVALID_REQUEST, False),
        (404, ErrorCode.INVALID_REQUEST, False),
        (422, ErrorCode.INVALID_REQUEST, False),
        (401, ErrorCode.PROVIDER_ERROR, False),
        (403, ErrorCode.PROVIDER_ERROR, False),
        (429, ErrorCode.RATE_LIMITED, True),
        (500, ErrorCode.PROVIDER_ERROR, True),
        (529, ErrorCode.PROVIDER_ERROR, True),
    ],
)
def test_a_status_becomes_an_error(status: int, code: ErrorCode, retryable: bool):
    error = from_status(status, {"message": "sk-secret is wrong", "param": "temperature"}, "7", "openai")
    assert (error.code, error.retryable) == (code, retryable)
    assert ("sk-secret" in error.message) is (code is ErrorCode.INVALID_REQUEST)


@pytest.mark.parametrize(
    "body",
    [
        {"message": "This model's maximum context length is 8192 tokens.", "code": "context_length_exceeded"},
        {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8"}},
    ],
)
def test_a_prompt_that_is_too_long_is_told_from_other_mistakes(body: dict[str, Any]):
    error = from_status(400, body, None, "p")
    assert (error.code, error.retryable) == (ErrorCode.CONTEXT_LENGTH_EXCEEDED, False)


def test_the_providers_words_about_the_request_reach_the_caller_in_either_shape():
    openai_body = {"message": "too hot", "param": "temperature"}
    anthropic_body = {"type": "error", "error": {"type": "invalid_request_error", "message": "too hot"}}
    assert from_status(400, openai_body, None, "p").param == "temperature"
    assert from_status(400, anthropic_body, None, "p").message == "too hot"


@pytest.mark.parametrize(
    "body",
    [
        {"message": "This model's maximum context length is 100 tokens.", "code": "context_length_exceeded"},
        {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8 maximum"}},
    ],
)
def test_a_prompt_that_no_window_holds_is_told_apart(body: dict[str, Any]):
    assert from_status(400, body, None, "p").code is ErrorCode.CONTEXT_LENGTH_EXCEEDED
