"""Anthropic's message as a chat completion."""

from typing import Any

import pytest

from contracts.apis.chat_to_messages.answer import to_completion
from contracts.apis.messages_to_chat.replay import replay_message
from tests.unit.apis.message_samples import (
    CALL,
    EMPTY_CALL,
    HIDDEN,
    PAGE,
    SEARCH,
    THOUGHT,
    TOOL_USE,
    USAGE,
    WEB,
    Json,
    message,
    streamed,
    text,
)
from tests.unit.apis.sdk import check_completion


def completion(*content: Json, **more: Any) -> Json:
    made = to_completion(message(*content, **more))
    check_completion(made)
    return made


def said(*content: Json, **more: Any) -> Json:
    return completion(*content, **more)["choices"][0]["message"]


def test_a_text_is_a_completion():
    made = completion(text("Hello"))
    assert {**made, "created": 1} == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 1,
        "model": "claude",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        },
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], {"content": ""}),
        ([text("Hel"), text("lo")], {"content": "Hello"}),
        ([TOOL_USE], {"content": None, "tool_calls": [CALL]}),
        ([text("Wait."), TOOL_USE], {"content": "Wait.", "tool_calls": [CALL]}),
        (
            [TOOL_USE, {**TOOL_USE, "id": "toolu_2", "input": {}}],
            {"content": None, "tool_calls": [CALL, EMPTY_CALL]},
        ),
        (
            [THOUGHT, HIDDEN, text("3")],
            {"content": "3", "reasoning_content": "Hm.", "thinking_blocks": [THOUGHT, HIDDEN]},
        ),
        (
            [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
             {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, text("3")],
            {"content": "3"},
        ),
    ],
)  # fmt: skip
def test_blocks_are_content_calls_and_reasoning(content: list[Json], expected: Json):
    assert said(*content) == {"role": "assistant", **expected}


FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


@pytest.mark.parametrize(("stop_reason", "finish_reason"), FINISH.items())
def test_every_stop_reason_has_its_finish_reason(stop_reason: str, finish_reason: str):
    assert completion(text("x"), stop_reason=stop_reason)["choices"][0]["finish_reason"] == finish_reason
    chunks = streamed(replay_message(message(text("x"), stop_reason=stop_reason)))
    assert chunks[-2]["choices"][0]["finish_reason"] == finish_reason


def test_a_stop_reason_of_a_newer_api_is_a_stop_and_none_is_none():
    def reason(stop_reason: str | None) -> object:
        return to_completion(message() | {"stop_reason": stop_reason})["choices"][0]["finish_reason"]

    assert (reason("compaction"), reason(None)) == ("stop", None)


def test_why_claude_refused_is_the_refusal():
    details = {"type": "refusal", "category": "bio", "explanation": "Too risky."}
    assert said(stop_reason="refusal", stop_details=details)["refusal"] == "Too risky."
    assert "refusal" not in said(stop_reason="refusal", stop_details=None)


def test_cached_input_counts_as_part_of_the_prompt_and_keeps_anthropics_names_too():
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    }
    assert completion(text("x"), usage=usage)["usage"] == {
        "prompt_tokens": 130,
        "completion_tokens": 7,
        "total_tokens": 137,
        "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 4},
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    }


@pytest.mark.parametrize(
    ("tier", "expected"),
    [("standard", {"service_tier": "default"}), ("priority", {"service_tier": "priority"}), ("batch", {}), (None, {})],
)
def test_the_service_tier_is_openais_where_it_has_one(tier: str | None, expected: Json):
    whole = message(text("x"), usage={**USAGE, "service_tier": tier})
    for made in (to_completion(whole), *streamed(replay_message(whole))):
        assert {name: made[name] for name in ("service_tier",) if name in made} == expected


def test_a_citation_of_a_url_is_an_annotation_of_its_text():
    assert said(text("See "), text("this", citations=[WEB, SEARCH, PAGE]), text(".", citations=None))[
        "annotations"
    ] == [
        {
            "type": "url_citation",
            "url_citation": {"start_index": 4, "end_index": 8, "title": "A", "url": "https://a.example"},
        },
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": 4,
                "end_index": 8,
                "title": "https://b.example",
                "url": "https://b.example",
            },
        },
    ]
    assert "annotations" not in said(text("x", citations=[PAGE]))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"content": []},
        message() | {"content": "x"},
        message() | {"content": ["x"]},
        message() | {"content": [{}]},
        message() | {"content": [{"type": "text"}]},
        message() | {"content": [{"type": "text", "text": None}]},
        message() | {"content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]},
        message() | {"usage": None},
        message() | {"usage": {"input_tokens": 1}},
        message() | {"usage": {**USAGE, "cache_read_input_tokens": "x"}},
        message() | {"stop_reason": []},
        message() | {"stop_details": "x"},
    ],
)
def test_what_is_no_message_is_an_error_of_its_shape(answer: Json):
    with pytest.raises((KeyError, TypeError, ValueError)):
        to_completion(answer)
