"""A chat's chunks as a Response's events: their order, their numbers, and the whole Response in the last one."""

from typing import Any

import pytest

from contracts.apis.responses.answer import error_of, to_response
from contracts.apis.responses.assemble import ResponseAssembler
from contracts.apis.responses.stream import ResponseEventsOfChunks
from contracts.apis.responses.thinking import unsealed
from contracts.errors import ErrorCode, PenstockError
from tests.unit.apis.responses_samples import (
    BLOCKS,
    CALLS,
    CUT_BY_LENGTH,
    HEAD,
    REASONED,
    REQUEST,
    STAMP,
    STREAMS,
    TEXT,
    USAGE,
    Json,
    accumulated,
    assembled,
    call_chunk,
    check_events,
    check_response,
    chunk,
    streamed,
    types,
)

every_stream = pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS.keys())


@every_stream
def test_the_last_event_holds_what_the_assembled_completion_becomes(chunks: list[Json]):
    last = streamed(chunks)[-1]
    assert last["response"] == to_response(assembled(chunks), REQUEST, **STAMP)


@every_stream
def test_every_event_is_one_that_the_sdk_knows_and_none_is_missing(chunks: list[Json]):
    events = streamed(chunks)
    check_events(events)
    check_response(events[-1]["response"])
    assert types(events)[:2] == ["created", "in_progress"]


@every_stream
def test_the_sdks_own_accumulator_digests_the_stream(chunks: list[Json]):
    events = streamed(chunks)
    final = accumulated(events)
    if events[-1]["type"] == "response.completed":
        assert final is not None
        assert final.output_text == check_response(events[-1]["response"]).output_text


@every_stream
def test_the_assembler_has_the_same_items_before_the_last_event_and_the_whole_after_it(chunks: list[Json]):
    events = streamed(chunks)
    assembler = ResponseAssembler()
    for event in events[:-1]:
        assembler.add(event)
    so_far = assembler.answer()
    assert (so_far["status"], so_far["output"]) == ("in_progress", events[-1]["response"]["output"])
    assembler.add(events[-1])
    assert assembler.answer() == events[-1]["response"]


def test_text_comes_as_one_message_with_one_part():
    assert types(streamed(STREAMS["text"])) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_reasoning_comes_as_a_summary_that_is_closed_when_the_model_begins_to_talk():
    events = streamed(REASONED)
    assert types(events)[2:9] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.added",
    ]
    reasoning = next(event for event in events if event["type"] == "response.output_item.done")["item"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Let me see"}]
    assert unsealed(reasoning["encrypted_content"]) == BLOCKS


def test_the_fragments_of_calls_come_as_they_are():
    events = streamed(CALLS)
    deltas = [(e["output_index"], e["delta"]) for e in events if e["type"].endswith("arguments.delta")]
    assert deltas == [(1, '{"x":'), (1, "1}"), (2, '{"y":2}')]
    done = [(e["item_id"], e["arguments"]) for e in events if e["type"].endswith("arguments.done")]
    assert done == [("fc_1_0", '{"x":1}'), ("fc_1_1", '{"y":2}')]


def test_an_answer_that_hit_the_limit_ends_incomplete_and_so_does_its_last_item():
    events = streamed(CUT_BY_LENGTH)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-2]["item"]["status"] == "incomplete"


def test_log_probabilities_come_with_their_text():
    token = {"token": "Hi", "logprob": -0.1, "bytes": None, "top_logprobs": [{"token": "Hi", "logprob": -0.1}]}
    said = chunk({"content": "Hi"}, logprobs={"content": [token]})
    events = streamed([said, said, chunk({}, "stop")])
    check_events(events)
    deltas = [event["logprobs"] for event in events if event["type"] == "response.output_text.delta"]
    expected = {**token, "bytes": [], "top_logprobs": [{**token["top_logprobs"][0], "bytes": []}]}
    assert deltas == [[expected], [expected]]
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == [expected, expected]


def test_thinking_again_is_another_part_of_the_same_summary():
    chunks = [
        chunk({"reasoning_content": "a"}),
        chunk({"content": "b"}),
        chunk({"reasoning_content": "c"}),
        call_chunk(0, "{}", id="call_a", name="add"),
        chunk({"thinking_blocks": BLOCKS}),
        chunk({}, "tool_calls"),
    ]
    events = streamed(chunks)
    check_events(events)
    output = events[-1]["response"]["output"]
    assert [item["id"] for item in output] == ["rs_1_0", "msg_1_0", "fc_1_0"]
    assert [part["text"] for part in output[0]["summary"]] == ["a", "c"]
    assert [event["text"] for event in events if event["type"].endswith("summary_text.done")] == ["a", "c"]
    assert unsealed(output[0]["encrypted_content"]) == BLOCKS
    assert accumulated(events) is not None


def test_a_call_that_comes_before_the_text_stays_before_it():
    chunks = [call_chunk(0, "{}", id="a", name="add"), chunk({"content": "b"}), chunk({}, "tool_calls")]
    events = streamed(chunks)
    check_events(events)
    whole = to_response(assembled(chunks), REQUEST, **STAMP)
    assert events[-1]["response"]["output"] == whole["output"][::-1]


def test_a_name_that_is_repeated_with_every_fragment_is_said_once():
    chunks = [call_chunk(0, "{", id="a", name="add"), call_chunk(0, "}", id="a", name="add")]
    call = streamed([*chunks, chunk({}, "tool_calls")])[-1]["response"]["output"][0]
    assert (call["name"], call["arguments"]) == ("add", "{}")


@pytest.mark.parametrize("index", [{}, {"index": 0}], ids=["no index", "one index for all"])
def test_calls_that_a_server_does_not_number_are_told_apart_by_their_ids(index: Json):
    def part(call_id: str, arguments: str) -> Json:
        function = {"name": "add", "arguments": arguments}
        return chunk({"tool_calls": [{"id": call_id, "type": "function", "function": function, **index}]})

    events = streamed([part("a", "{}"), part("b", '{"x"'), part("b", ":1}"), chunk({}, "stop")])
    check_events(events)
    calls = [(item["call_id"], item["name"], item["arguments"]) for item in events[-1]["response"]["output"]]
    assert calls == [("a", "add", "{}"), ("b", "add", '{"x":1}')]


def test_a_call_without_an_id_gets_one_that_the_caller_can_answer():
    events = streamed([call_chunk(0, "{}", name="add"), chunk({}, "tool_calls")])
    assert events[-1]["response"]["output"][0]["call_id"] == "call_1_0"


def test_what_else_a_provider_says_of_a_call_stays_with_it():
    extra = {"google": {"thought_signature": "c2ln"}}
    chunks = [call_chunk(0, "{}", id="a", name="add", extra_content=extra), chunk({}, "tool_calls")]
    assert streamed(chunks)[-1]["response"]["output"][0]["extra_content"] == extra


def test_a_source_that_said_nothing_at_all_is_an_empty_response():
    events = streamed([])
    assert types(events) == ["created", "in_progress", "completed"]
    assert events[-1]["response"]["output"] == []


def test_a_stream_that_is_cut_ends_as_failed_with_what_was_said():
    translator = ResponseEventsOfChunks(REQUEST, **STAMP)
    events = [event for one in TEXT for event in translator.events(one)]
    error = PenstockError(ErrorCode.PROVIDER_ERROR, "The provider stopped", stage="provider")
    events += translator.failed(error_of(error))
    check_events(events)
    failed = events[-1]
    assert (failed["type"], failed["response"]["model"]) == ("response.failed", HEAD["model"])
    assert failed["response"]["error"] == {"code": "server_error", "message": "The provider stopped"}
    assert failed["response"]["output"][0]["status"] == "incomplete"
    assert failed["response"]["output"][0]["content"][0]["text"] == "Hello"
    assert accumulated(events) is None


def test_the_model_is_the_providers_and_the_settings_the_callers():
    response = streamed(STREAMS["text"], {**REQUEST, "temperature": 0.5})[-1]["response"]
    assert (response["model"], response["temperature"]) == (HEAD["model"], 0.5)
    assert response["usage"]["input_tokens"] == USAGE["prompt_tokens"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"choices": None},
        {"choices": ["x"]},
        {"choices": [{"delta": "x"}]},
        {"choices": [{"delta": {"content": 3}}]},
        {"choices": [{"delta": {"tool_calls": {}}}]},
        {"choices": [{"delta": {"tool_calls": ["x"]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": [], "function": {}}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": {}}}]}}]},
        {"choices": [], "usage": "many"},
        {"choices": [{"delta": {}, "logprobs": {"content": [3]}}]},
    ],
)
def test_what_is_no_chunk_is_one_of_three_errors(wrong: Any):
    with pytest.raises((KeyError, TypeError, ValueError)):
        ResponseEventsOfChunks(REQUEST, **STAMP).events(wrong)
