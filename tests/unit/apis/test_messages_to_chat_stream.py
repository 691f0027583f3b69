"""Chat completion chunks as the events of Anthropic's stream, and a message replayed as one."""

from collections.abc import Iterable

import pytest

from contracts.apis.messages_to_chat.replay import replay_message
from tests.unit.apis.completion_samples import COUNTED, HEAD, LAST, Json, assembled, chunk, part, streamed, use
from tests.unit.apis.sdk import accumulated_message, check_message


def blocks(events: Iterable[Json]) -> list[Json]:
    """The events between message_start and message_delta, in short."""
    short = {"content_block_start": "content_block", "content_block_delta": "delta"}
    return [
        {event["type"].removeprefix("content_block_"): event["index"], **event.get(short.get(event["type"], ""), {})}
        for event in events
        if event["type"].startswith("content_block")
    ]


def test_a_stream_is_event_by_event_what_the_model_said():
    events = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Hm"}),
        chunk({"reasoning_content": "."}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        LAST,
    )
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "gpt", "content": []}
    nothing = {"stop_reason": None, "stop_sequence": None, "usage": dict.fromkeys(COUNTED, 0)}
    assert events[0] == {"type": "message_start", "message": message | nothing}
    assert blocks(events) == [
        {"start": 0, "type": "thinking", "thinking": "", "signature": ""},
        {"delta": 0, "type": "thinking_delta", "thinking": "Hm"},
        {"delta": 0, "type": "thinking_delta", "thinking": "."},
        {"stop": 0},
        {"start": 1, "type": "text", "text": ""},
        {"delta": 1, "type": "text_delta", "text": "Hel"},
        {"delta": 1, "type": "text_delta", "text": "lo"},
        {"stop": 1},
    ]
    assert events[-2:] == [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": COUNTED},
        {"type": "message_stop"},
    ]


def test_fragments_of_parallel_calls_may_alternate_and_each_names_its_block():
    events = streamed(
        chunk({"content": "So:"}),
        chunk({"tool_calls": [part(0, "", id="a", name="add")]}),
        chunk({"tool_calls": [part(1, '{"y"', id="b", name="sub"), part(0, '{"x":')]}),
        chunk({"tool_calls": [part(0, "1}"), part(1, ":2}")]}),
        chunk({}, "tool_calls"),
        LAST,
    )
    assert blocks(events) == [
        {"start": 0, "type": "text", "text": ""},
        {"delta": 0, "type": "text_delta", "text": "So:"},
        {"stop": 0},
        {"start": 1, "type": "tool_use", "id": "a", "name": "add", "input": {}},
        {"start": 2, "type": "tool_use", "id": "b", "name": "sub", "input": {}},
        {"delta": 2, "type": "input_json_delta", "partial_json": '{"y"'},
        {"delta": 1, "type": "input_json_delta", "partial_json": '{"x":'},
        {"delta": 1, "type": "input_json_delta", "partial_json": "1}"},
        {"delta": 2, "type": "input_json_delta", "partial_json": ":2}"},
        {"stop": 1},
        {"stop": 2},
    ]
    message = accumulated_message(events)
    assert [block.input for block in message.content[1:]] == [{"x": 1}, {"y": 2}]  # type: ignore[union-attr]
    assert message.stop_reason == "tool_use"


def test_calls_without_an_index_are_told_apart_by_their_ids():
    events = streamed(
        chunk({"tool_calls": [part(None, '{"x":1}', id="a", name="add"), part(None, "{", id="b", name="sub")]}),
        chunk({"tool_calls": [part(None, "}")]}, "tool_calls"),
    )
    assert [block["input"] for block in assembled(events)["content"]] == [{"x": 1}, {}]


def test_text_after_a_call_is_a_block_of_its_own():
    events = streamed(
        chunk({"tool_calls": [part(0, "{}", id="a", name="add")]}), chunk({"content": "Done."}), chunk({}, "tool_calls")
    )
    assert [block["type"] for block in assembled(events)["content"]] == ["tool_use", "text"]
    assert sorted(event["stop"] for event in blocks(events) if "stop" in event) == [0, 1]


@pytest.mark.parametrize(
    ("chunks", "stop_reason", "stop_sequence"),
    [
        ([chunk({"content": "x"}), chunk({}, "length"), LAST], "max_tokens", None),
        ([chunk({"refusal": "No."}), chunk({}, "stop"), LAST], "refusal", None),
        ([chunk({"content": "x"}), chunk({}, "content_filter")], "refusal", None),
        ([chunk({"tool_calls": [part(0, "{}", id="a", name="add")]}), chunk({}, "stop")], "tool_use", None),
        (
            [
                chunk({"content": "x"}),
                {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "END"}]},
            ],
            "stop_sequence",
            "END",
        ),
    ],
)
def test_a_stream_ends_for_the_reason_that_the_model_had(
    chunks: list[Json], stop_reason: str, stop_sequence: str | None
):
    message = assembled(streamed(*chunks))
    assert (message["stop_reason"], message["stop_sequence"]) == (stop_reason, stop_sequence)


def test_counts_that_are_known_at_the_start_are_told_at_the_start():
    events = streamed(chunk({"content": "x"}, usage={"prompt_tokens": 10, "completion_tokens": 1}), LAST)
    assert events[0]["message"]["usage"]["input_tokens"] == 10
    assert events[-2]["usage"]["output_tokens"] == 5


def test_azures_first_chunk_without_a_choice_begins_nothing():
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    assert streamed(first, chunk({"content": "x"}), LAST)[0]["message"]["id"] == "msg_1"


def test_other_choices_are_left_out():
    assert assembled(streamed(chunk({"content": "a"}), chunk({"content": "b"}, index=1)))["content"] == [
        {"type": "text", "text": "a"}
    ]


def test_the_model_of_a_stream_is_the_one_that_was_asked_for_where_it_is_given():
    assert streamed(chunk({"content": "a"}), model="fast")[0]["message"]["model"] == "fast"


def test_nothing_is_owed_for_a_stream_that_never_began():
    assert streamed(LAST) == []


CITED = {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1}
REPLAYED: list[Json] = [
    {"content": []},
    {"content": [{"type": "text", "text": "Hello"}]},
    {"content": [{"type": "text", "text": "Hello", "citations": None}, {"type": "text", "text": "", "citations": []}]},
    {"content": [{"type": "text", "text": "Hello", "citations": [CITED, CITED | {"end_char_index": 2}]}]},
    {"content": [use("a", x=1, y=["é", None, 1.5]), use("b"), use("c", _raw="no {json")], "stop_reason": "tool_use"},
    {
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "thinking", "thinking": "", "signature": "s"},
            {"type": "thinking", "thinking": "Hm.", "signature": ""},
            {"type": "redacted_thinking", "data": "d"},
        ]
    },
    {
        "content": [
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        ],
        "stop_reason": "pause_turn",
        "container": {"id": "c", "expires_at": "2026-01-01T00:00:00Z"},
    },
    {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}},
    {"content": [{"type": "text", "text": "x"}], "stop_reason": "stop_sequence", "stop_sequence": "END"},
    {
        "content": [],
        "usage": COUNTED | {"service_tier": "standard", "output_tokens_details": {"thinking_tokens": 3},
                            "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 0},
                            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}},
    },
]  # fmt: skip


@pytest.mark.parametrize("said", REPLAYED)
def test_a_replayed_message_is_the_same_message_again(said: Json):
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    message = {**head, "stop_sequence": None, "usage": COUNTED, **said}
    events = list(replay_message(message))
    assert accumulated_message(events) == check_message(message)
    assert assembled(events) == message
    assert events[0]["message"]["content"] == []
    assert events[0]["message"]["stop_reason"] is None


def test_a_replay_says_what_it_has_to_say_in_deltas():
    content = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "Hi"}, use("a", x=1)]
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use"}
    events = list(replay_message({**head, "stop_sequence": None, "usage": COUNTED, "content": content}))
    assert events[0]["message"]["usage"]["output_tokens"] == 0
    assert blocks(events) == [
        {"start": 0, "type": "thinking", "thinking": "", "signature": ""},
        {"delta": 0, "type": "thinking_delta", "thinking": "Hm."},
        {"delta": 0, "type": "signature_delta", "signature": "s"},
        {"stop": 0},
        {"start": 1, "type": "text", "text": ""},
        {"delta": 1, "type": "text_delta", "text": "Hi"},
        {"stop": 1},
        {"start": 2, "type": "tool_use", "id": "a", "name": "add", "input": {}},
        {"delta": 2, "type": "input_json_delta", "partial_json": '{"x":1}'},
        {"stop": 2},
    ]


@pytest.mark.parametrize(
    "chunks",
    [
        [{}],
        [{"choices": 7}],
        [{"choices": [7]}],
        [chunk({}) | {"usage": 7}],
        [chunk({"content": 7})],
        [chunk({"tool_calls": [part(0, "{}", id="a")]})],
        [chunk({"tool_calls": [part(0, "{}", id="a", name="f") | {"index": "x"}]})],
        [chunk({"tool_calls": [7]})],
        [chunk({}, ["stop"])],  # type: ignore[arg-type]
    ],
)
def test_what_is_no_chunk_is_an_error_of_its_shape(chunks: list[Json]):
    with pytest.raises((KeyError, TypeError, ValueError)):
        streamed(*chunks)
