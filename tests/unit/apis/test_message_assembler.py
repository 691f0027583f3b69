"""Anthropic's message, put together from the events of its stream, whole or cut off."""

from typing import Any

import pytest

from contracts.apis.assemble_message import MessageAssembler
from tests.unit.apis.sdk import accumulated_message, check_message

Json = dict[str, Any]


def event(kind: str, index: int, **more: object) -> Json:
    return {"type": f"content_block_{kind}", "index": index, **more}


def fragment(index: int, text: str) -> Json:
    return event("delta", index, delta={"type": "input_json_delta", "partial_json": text})


START: Json = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1, "service_tier": "standard"},
    },
}
CITED = {"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1}
CALLED = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
EVENTS: list[Json] = [
    START,
    event("start", 0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
    {"type": "ping"},
    event("delta", 0, delta={"type": "thinking_delta", "thinking": "Hm"}),
    event("delta", 0, delta={"type": "thinking_delta", "thinking": "."}),
    event("delta", 0, delta={"type": "signature_delta", "signature": "sig"}),
    event("stop", 0),
    event("start", 1, content_block={"type": "text", "text": ""}),
    event("delta", 1, delta={"type": "text_delta", "text": "Wait"}),
    event("delta", 1, delta={"type": "text_delta", "text": "."}),
    event("delta", 1, delta={"type": "citations_delta", "citation": CITED}),
    event("delta", 1, delta={"type": "citations_delta", "citation": CITED}),
    event("stop", 1),
    event("start", 2, content_block=CALLED),
    fragment(2, ""),
    fragment(2, '{"x": 1, "y'),
    fragment(2, '": "é'),
    fragment(2, '"}'),
    event("stop", 2),
    event("start", 3, content_block={"type": "redacted_thinking", "data": "d"}),
    event("stop", 3),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 9, "input_tokens": 12, "cache_read_input_tokens": None},
    },
    {"type": "message_stop"},
]
CONTENT: list[Json] = [
    {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
    {"type": "text", "text": "Wait.", "citations": [CITED, CITED]},
    {**CALLED, "input": {"x": 1, "y": "é"}},
    {"type": "redacted_thinking", "data": "d"},
]


def assembler(*events: Json) -> MessageAssembler:
    made = MessageAssembler()
    for one in events:
        made.add(one)
    return made


def test_events_make_the_whole_message():
    made = assembler(*EVENTS)
    assert made.answer() == {
        **START["message"],
        "content": CONTENT,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 12, "output_tokens": 9, "service_tier": "standard"},
    }
    assert made.output_characters == len("Hm.") + len("Wait.") + len('{"x": 1, "y": "é"}')


def test_the_message_is_the_one_that_the_sdk_makes():
    whole = [one for one in EVENTS if one["type"] != "ping"]
    assert check_message(assembler(*EVENTS).answer()) == accumulated_message(whole)


@pytest.mark.parametrize("count", range(len(EVENTS) + 1))
def test_after_any_number_of_events_there_is_a_message(count: int):
    check_message(assembler(*EVENTS[:count]).answer())


@pytest.mark.parametrize(
    ("fragments", "known"),
    [
        ([], {}),
        ([""], {}),
        (["{"], {}),
        (['{"x"'], {}),
        (['{"x": "a'], {"x": "a"}),
        (['{"x": 1, "y": [1, {"z"'], {"x": 1, "y": [1, {}]}),
        (["nonsense"], {}),
        (["[1"], {}),
    ],
)
def test_a_call_that_is_still_being_written_is_as_much_as_is_known(fragments: list[str], known: Json):
    made = assembler(START, event("start", 0, content_block=CALLED), *(fragment(0, text) for text in fragments))
    assert made.answer()["content"] == [{**CALLED, "input": known}]


@pytest.mark.parametrize("text", ["{x: 1}", '{"x": "cut o', "[1]"])
def test_of_a_finished_call_that_is_no_object_the_text_is_kept(text: str):
    made = assembler(START, event("start", 0, content_block=CALLED), fragment(0, text), event("stop", 0))
    assert made.answer()["content"] == [{**CALLED, "input": {"_raw": text}}]


def test_a_block_that_is_opened_full_keeps_what_it_had():
    full = [{**CALLED, "input": {"x": 1}}, {"type": "text", "text": "Hi", "citations": [CITED]}]
    made = assembler(START, *(event("start", index, content_block=block) for index, block in enumerate(full)))
    assert (made.answer()["content"], made.output_characters) == (full, 2)
    made.add(event("delta", 1, delta={"type": "text_delta", "text": "!"}))
    made.add(event("delta", 1, delta={"type": "citations_delta", "citation": CITED}))
    assert made.answer()["content"][1] == {"type": "text", "text": "Hi!", "citations": [CITED, CITED]}


def test_blocks_may_be_open_side_by_side():
    made = assembler(
        START,
        event("start", 1, content_block={**CALLED, "id": "b"}),
        event("start", 0, content_block={**CALLED, "id": "a"}),
        fragment(1, '{"y":'),
        fragment(0, '{"x":1}'),
        fragment(1, "2}"),
    )
    assert [(block["id"], block["input"]) for block in made.answer()["content"]] == [("a", {"x": 1}), ("b", {"y": 2})]


def test_events_and_deltas_of_a_newer_api_change_nothing():
    before = assembler(*EVENTS).answer()
    newer = [
        {"type": "content_block_applause", "index": 0},
        event("delta", 1, delta={"type": "colour_delta", "colour": "red"}),
    ]
    assert assembler(*EVENTS, *newer).answer() == before


def test_what_was_handed_out_does_not_change_later():
    made = assembler(*EVENTS[:9])
    early = made.answer()
    for one in EVENTS[9:]:
        made.add(one)
    assert early["content"][1] == {"type": "text", "text": "Wait"}
    assert early["stop_reason"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "message_start"},
        {"type": "message_start", "message": "x"},
        event("start", 0),
        event("start", "x", content_block=CALLED),  # type: ignore[arg-type]
        event("start", 0, content_block={}),
        event("start", 0, content_block={"type": "text", "text": 7}),
        event("delta", 7, delta={"type": "text_delta", "text": "x"}),
        event("delta", 0),
        event("delta", 0, delta={}),
        event("delta", 0, delta={"type": "text_delta", "text": 7}),
        event("delta", 0, delta={"type": "signature_delta"}),
        event("stop", 7),
        {"type": "message_delta"},
        {"type": "message_delta", "delta": {}, "usage": "x"},
    ],
)
def test_what_is_no_event_is_an_error_of_its_shape(wrong: Json):
    made = assembler(START, event("start", 0, content_block={"type": "text", "text": ""}))
    with pytest.raises((KeyError, TypeError, ValueError)):
        made.add(wrong)
    check_message(made.answer())
