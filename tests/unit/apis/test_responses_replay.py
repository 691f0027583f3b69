"""A stored Response given again, and a Response put together from the events of its stream."""

from typing import Any

import pytest

from contracts.apis.responses.answer import to_response, unfinished
from contracts.apis.responses.assemble import ResponseAssembler
from contracts.apis.responses.replay import replay_response, restamped
from tests.unit.apis.responses_samples import (
    BLOCKS,
    REQUEST,
    STAMP,
    accumulated,
    call_chunk,
    check_events,
    check_response,
    chunk,
    completion,
    function_call,
    streamed,
    types,
)

Json = dict[str, Any]
CITATION = {"url": "u", "title": "t", "start_index": 0, "end_index": 2}
MESSAGE: Json = {
    "reasoning_content": "Let me see",
    "thinking_blocks": BLOCKS,
    "content": "Hi",
    "refusal": "but no more",
    "annotations": [{"type": "url_citation", "url_citation": CITATION}],
    "tool_calls": [function_call("a", "add", '{"x":1}'), function_call("b", "sub", "{}")],
}
RAW_REASONING: Json = {
    "id": "rs_0",
    "type": "reasoning",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "Hm"}],
}
SEARCH: Json = {
    "id": "ws_0",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "x"},
}


def stored(finish_reason: str = "stop", request: Json = REQUEST) -> Json:
    return to_response(completion(MESSAGE, finish_reason), request, **STAMP)


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_a_replayed_response_is_a_stream_like_any_other(finish_reason: str):
    response = stored(finish_reason)
    events = list(replay_response(response))
    check_events(events)
    assert events[-1]["response"] == response
    assert events[-1]["type"] == f"response.{response['status']}"
    added = next(event for event in events if event["type"] == "response.output_item.added")["item"]
    assert (added["summary"], "encrypted_content" in added) == ([], False)
    final = accumulated(events)
    assert (final is not None) is (finish_reason == "stop")


def test_a_replay_begins_as_if_nothing_had_been_said():
    first = next(replay_response(stored("length")))["response"]
    assert (first["status"], first["output"], first["usage"], first["incomplete_details"]) == (
        "in_progress",
        [],
        None,
        None,
    )


def test_what_openai_itself_answered_is_replayed_too():
    response = {**stored(), "output": [RAW_REASONING, SEARCH, *stored()["output"]]}
    events = list(replay_response(response))
    check_events(events)
    assert "reasoning_text.delta" in types(events)
    assert [e["output_index"] for e in events if e["type"] == "response.output_item.done"] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_what_has_no_answer_has_no_replay(status: str):
    with pytest.raises(ValueError, match=status):
        list(replay_response(unfinished(REQUEST, **STAMP, status=status)))


def test_a_failed_response_replays_its_failure():
    failed = unfinished(REQUEST, **STAMP, status="failed", error={"code": "server_error", "message": "x"})
    assert types(replay_response(failed)) == ["created", "in_progress", "failed"]


def test_a_stored_answer_under_a_new_id_has_new_ids_throughout_and_says_the_same():
    again = restamped(stored(), response_id="resp_2", created_at=5, request=REQUEST)
    check_response(again)
    assert again == to_response(completion(MESSAGE), REQUEST, response_id="resp_2", created_at=5)


def test_a_stored_answer_repeats_the_settings_of_whom_it_is_given_to():
    owner = {**REQUEST, "metadata": {"team": "a"}, "previous_response_id": "resp_0", "store": False, "user": "u"}
    other = {**REQUEST, "metadata": {"team": "b"}, "instructions": None, "temperature": 1}
    again = restamped(stored(request=owner), response_id="resp_2", created_at=5, request=other)
    assert again["metadata"] == {"team": "b"}
    assert (again["previous_response_id"], again["store"], again["user"]) == (None, True, None)
    assert again["usage"] == stored()["usage"]


def test_a_stored_answer_of_openai_keeps_what_it_says_of_itself():
    theirs = {**stored(), "temperature": None, "completed_at": 3, "output": [SEARCH, RAW_REASONING]}
    asked = {**REQUEST, "service_tier": "auto"}
    again = restamped(theirs, response_id="resp_2", created_at=5, request=asked)
    assert (again["temperature"], again["completed_at"], again["service_tier"]) == (None, 5, "default")
    assert [item["id"] for item in again["output"]] == ["item_2_0", "rs_2_0"]


def test_the_assembler_counts_what_was_said_thought_and_called_with():
    assembler = ResponseAssembler()
    for event in replay_response(stored()):
        assembler.add(event)
    said = ("Let me see", "Hi", "but no more", '{"x":1}', "{}")
    assert assembler.output_characters == sum(map(len, said))


def test_the_assembler_leaves_the_events_as_they_were():
    events = list(replay_response(stored()))
    before = repr(events)
    assembler = ResponseAssembler()
    for event in events:
        assembler.add(event)
    assert repr(events) == before


def test_a_stream_that_broke_off_leaves_what_was_said():
    events = streamed([chunk({"content": "Hel"}), chunk({"content": "lo"}), call_chunk(0, '{"x', id="a", name="f")])
    assembler = ResponseAssembler()
    cut = next(i for i, event in enumerate(events) if event["type"].endswith("arguments.done"))
    for event in events[:cut]:
        assembler.add(event)
    said = assembler.answer()
    assert said["status"] == "in_progress"
    assert [item["status"] for item in said["output"]] == ["completed", "in_progress"]
    assert said["output"][0]["content"][0]["text"] == "Hello"
    assert said["output"][1]["arguments"] == '{"x'


def test_a_last_event_without_an_output_gets_the_items_of_the_stream():
    events = list(replay_response(stored()))
    assembler = ResponseAssembler()
    for event in (*events[:-1], {**events[-1], "response": {**events[-1]["response"], "output": None}}):
        assembler.add(event)
    assert assembler.answer() == stored()


def test_events_that_nobody_knows_yet_are_passed_over():
    assembler = ResponseAssembler()
    assembler.add({"type": "response.telepathy.delta", "sequence_number": 0})
    assembler.add({"type": "keepalive"})
    assert assembler.answer() == {"object": "response", "status": "in_progress", "output": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "response.created"},
        {"type": "response.completed", "response": None},
        {"type": "response.output_item.added", "output_index": 0, "item": "x"},
        {"type": "response.output_text.delta", "output_index": 7, "content_index": 0, "delta": "x"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 7, "delta": "x"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": 7},
    ],
)
def test_an_event_that_does_not_fit_is_one_of_two_errors(wrong: Json):
    assembler = ResponseAssembler()
    for event in streamed([chunk({"content": "Hi"})])[:5]:
        assembler.add(event)
    with pytest.raises((KeyError, TypeError)):
        assembler.add(wrong)
