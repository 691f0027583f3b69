"""The events of Anthropic's stream as chat completion chunks."""

from collections.abc import Iterable

import pytest

from contracts.apis.chat_to_messages.answer import to_completion
from contracts.apis.chat_to_messages.stream import ChunksOfMessage
from contracts.apis.messages_to_chat.replay import replay_message
from tests.unit.apis.message_samples import CALL, HIDDEN, THOUGHT, TOOL_USE, USAGE, WEB, Json, message, streamed, text
from tests.unit.apis.sdk import accumulated_completion


def deltas(chunks: Iterable[Json]) -> list[Json]:
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def event(kind: str, index: int, **more: object) -> Json:
    return {"type": f"content_block_{kind}", "index": index, **more}


def start(usage: Json = USAGE) -> Json:
    return {"type": "message_start", "message": message(stop_reason=None, usage={**usage, "output_tokens": 1})}


STOP: list[Json] = [
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    },
    {"type": "message_stop"},
]


def test_a_stream_is_chunk_by_chunk_what_claude_said():
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    called = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
    chunks = streamed(
        [
            start(),
            event("start", 0, content_block=thought),
            {"type": "ping"},
            event("delta", 0, delta={"type": "thinking_delta", "thinking": "Hm."}),
            event("delta", 0, delta={"type": "signature_delta", "signature": "sig"}),
            event("stop", 0),
            event("start", 1, content_block={"type": "text", "text": ""}),
            event("delta", 1, delta={"type": "text_delta", "text": "Wait"}),
            event("delta", 1, delta={"type": "text_delta", "text": "."}),
            event("stop", 1),
            event("start", 2, content_block=called),
            event("delta", 2, delta={"type": "input_json_delta", "partial_json": ""}),
            event("delta", 2, delta={"type": "input_json_delta", "partial_json": '{"x":'}),
            event("delta", 2, delta={"type": "input_json_delta", "partial_json": "1}"}),
            event("stop", 2),
            event("start", 3, content_block={**called, "id": "toolu_2"}),
            event("stop", 3),
            *STOP,
        ]
    )
    assert deltas(chunks) == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "Hm."},
        {"content": "Wait"},
        {"content": "."},
        {
            "tool_calls": [
                {"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "add", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {
            "tool_calls": [
                {"index": 1, "id": "toolu_2", "type": "function", "function": {"name": "add", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {"thinking_blocks": [THOUGHT]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * 10 + ["tool_calls"]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 15)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1


def test_openais_own_helper_puts_the_chunks_together():
    whole = message(THOUGHT, HIDDEN, text("See "), text("this", citations=[WEB]), TOOL_USE, stop_reason="tool_use")
    accumulated = accumulated_completion(streamed(replay_message(whole)))
    said = accumulated["choices"][0]["message"]
    expected = to_completion(whole)["choices"][0]["message"]
    assert {name: said[name] for name in expected if name != "tool_calls"} == {
        name: value for name, value in expected.items() if name != "tool_calls"
    }
    assert [(call["id"], call["function"]["arguments"]) for call in said["tool_calls"]] == [
        ("toolu_1", '{"x":1,"y":"é"}')
    ]


def test_the_last_counts_hold_and_what_they_leave_out_stays():
    later = {"output_tokens": 9, "input_tokens": 12, "cache_read_input_tokens": None}
    stop = [STOP[0] | {"usage": later}, STOP[1]]
    usage = streamed([start({"input_tokens": 10, "cache_read_input_tokens": 3, "output_tokens": 1}), *stop])[-1][
        "usage"
    ]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (15, 9)


def test_a_block_that_is_opened_full_is_said_at_once():
    chunks = streamed(
        [
            start(),
            event("start", 0, content_block=THOUGHT),
            event("stop", 0),
            event("start", 1, content_block=text("Hi")),
            event("stop", 1),
            event("start", 2, content_block=TOOL_USE),
            event("stop", 2),
            *STOP,
        ]
    )
    said = accumulated_completion(chunks)["choices"][0]["message"]
    assert (said["content"], said["reasoning_content"], said["thinking_blocks"]) == ("Hi", "Hm.", [THOUGHT])
    assert said["tool_calls"][0]["function"]["arguments"] == CALL["function"]["arguments"]


def test_a_refusal_is_streamed_too():
    details = {"type": "refusal", "category": None, "explanation": "No."}
    chunks = streamed(replay_message(message(text("x"), stop_reason="refusal", stop_details=details)))
    assert {"refusal": "No."} in deltas(chunks)


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_stream_that_was_cut_off_is_not_finished(cut: int):
    translator = ChunksOfMessage()
    events = list(replay_message(message(text("x"), TOOL_USE)))
    for one in events[:cut]:
        assert all(translator.events(one))
    assert (translator.finished, list(translator.end())) == (False, [])


def test_an_error_event_is_left_to_the_caller():
    assert (
        list(ChunksOfMessage().events({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})) == []
    )


@pytest.mark.parametrize(
    "events",
    [
        [{}],
        [{"type": "message_start"}],
        [{"type": "message_stop"}],
        [STOP[0]],
        [event("delta", 0, delta={"type": "text_delta", "text": "x"})],
        [event("start", 0, content_block={"type": "text", "text": "x"})],
        [start(), event("start", 0)],
        [start(), event("start", 0, content_block={"type": "tool_use"})],
        [start(), event("delta", 1, delta={"type": "text_delta", "text": "x"})],
        [
            start(),
            event("start", 0, content_block=text("")),
            event("delta", 0, delta={"type": "text_delta", "text": 1}),
        ],
        [start(), event("start", 0, content_block=text("")), event("delta", 0, delta="x")],
        [start(), {"type": "message_delta"}],
    ],
)
def test_what_is_no_event_is_an_error_of_its_shape(events: list[Json]):
    translator = ChunksOfMessage()
    with pytest.raises((KeyError, TypeError, ValueError)):
        for one in events:
            list(translator.events(one))
