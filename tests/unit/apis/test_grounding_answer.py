"""What an answer cites, in each of the APIs, whole and streamed, and what is known of it when it is given again."""

from typing import Any

import pytest

from contracts.apis.fields import Fields
from contracts.apis.grounding.citations import CitedChunks, citations, cited
from contracts.apis.grounding.grounding import ground
from contracts.apis.replay_chat import replay_completion
from contracts.apis.responses.assemble import ResponseAssembler
from contracts.apis.responses.replay import replay_response, restamped
from contracts.apis.translate import Origin, Translation, translate
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES, Ground
from tests.unit.apis.grounding_samples import (
    BOUNDARY,
    GATES,
    OF_API,
    PUMPS,
    Json,
    citation,
    inner_citation,
)
from tests.unit.apis.responses_samples import (
    CALLS,
    STREAMS,
    USAGE,
    accumulated,
    assembled,
    check_events,
    check_response,
    chunk,
    completion,
    types,
    usage_chunk,
)
from tests.unit.apis.sdk import accumulated_completion, check_completion

GROUNDS = [GATES, PUMPS]
SAYS_SO = "An hour [1], but on Sundays [2][1]."
URL: Json = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 4}}


def places(text: str, grounds: list[Ground] = GROUNDS) -> list[tuple[int, str]]:
    """Where which document is cited."""
    found = [one["file_citation"] for one in citations(text, grounds)]
    return [(one["index"], one["file_id"]) for one in found]


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        (SAYS_SO, [(8, "file-1"), (28, "file-2"), (31, "file-1")]),
        ("Both [1, 2].", [(5, "file-1"), (5, "file-2")]),
        ("[2]", [(0, "file-2")]),
        ("Seen in [7], and in [2].", [(20, "file-2")]),
        ("Write `rows[1]`, or\n```\nrows[1]\n```\nas [2] says.", [(39, "file-2")]),
        ("Unclosed:\n```\nrows[1]", [(21, "file-1"), (21, "file-2")]),
        ("Nobody knows.", [(13, "file-1"), (13, "file-2")]),
        ("Only [7] would.", [(15, "file-1"), (15, "file-2")]),
        ('{"list": [1]}', [(13, "file-1"), (13, "file-2")]),
        ("It is [ 1] or [01].", [(19, "file-1"), (19, "file-2")]),
        ("", []),
    ],
)
def test_a_citation_stands_where_its_marker_does_and_at_the_end_where_there_is_none(
    text: str, cites: list[tuple[int, str]]
):
    assert places(text) == cites


def test_an_answer_to_which_nothing_was_found_cites_nothing():
    assert citations(SAYS_SO, []) == []


def test_many_markers_are_found_in_no_time_to_speak_of():
    assert len(places("`[1]" * 20_001 + "[1]")) > 10_000


def test_a_whole_chat_is_cited_in_each_of_its_choices():
    first, second = (completion({"content": text})["choices"][0] for text in (SAYS_SO, "No."))
    answer = cited({**completion({}), "choices": [first, {**second, "index": 1}]}, GROUNDS)
    said = [choice["message"]["annotations"] for choice in answer["choices"]]
    assert said[0] == citations(SAYS_SO, GROUNDS)
    assert said[1] == [{"type": "file_citation", "file_citation": inner_citation(one, 3)} for one in GROUNDS]


def test_what_the_provider_cites_itself_comes_first():
    answer = cited(completion({"content": "No.", "annotations": [URL]}), [GATES])
    assert [one["type"] for one in answer["choices"][0]["message"]["annotations"]] == ["url_citation", "file_citation"]


def test_a_chat_that_only_calls_tools_cites_nothing():
    calling = assembled(CALLS[1:])
    assert cited(calling, GROUNDS) == calling


# Streams of a chat


def chunks_of(*chunks: Json) -> list[Json]:
    """What a caller gets of a provider's chunks."""
    translator = CitedChunks(GROUNDS)
    return [*(made for one in chunks for made in translator.events(one)), *translator.end()]


def deltas(chunks: list[Json]) -> list[tuple[Json, str | None]]:
    return [(one["delta"], one["finish_reason"]) for made in chunks for one in made["choices"]]


def test_in_a_stream_the_annotations_come_in_one_chunk_before_the_end():
    made = chunks_of(chunk({"content": "An hour ["}), chunk({"content": "1]."}), chunk({}, "stop"), usage_chunk())
    assert deltas(made) == [
        ({"content": "An hour ["}, None),
        ({"content": "1]."}, None),
        ({"annotations": citations("An hour [1].", GROUNDS)}, None),
        ({}, "stop"),
    ]
    assert made[-1]["usage"] == USAGE


def test_a_chunk_that_says_the_last_word_and_that_it_is_the_last_is_taken_apart():
    made = chunks_of({**chunk({"content": "So [2]."}, "stop"), "usage": USAGE})
    assert deltas(made) == [
        ({"content": "So [2]."}, None),
        ({"annotations": citations("So [2].", GROUNDS)}, None),
        ({}, "stop"),
    ]
    assert [one.get("usage") for one in made] == [None, None, USAGE]


def test_the_providers_own_annotations_wait_for_ours():
    made = chunks_of(chunk({"content": "So."}), chunk({"annotations": [URL]}), chunk({}, "stop"))
    assert deltas(made)[1:3] == [({}, None), ({"annotations": [URL, *citations("So.", GROUNDS)]}, None)]


def test_each_choice_of_a_stream_has_its_own():
    made = chunks_of(
        chunk({"content": "[1]"}),
        chunk({"content": "[2]"}, index=1),
        chunk({}, "stop", index=1),
        chunk({}, "stop"),
    )
    said = {
        one["index"]: one["delta"]["annotations"] for m in made for one in m["choices"] if "annotations" in one["delta"]
    }
    assert said == {0: citations("[1]", GROUNDS), 1: citations("[2]", GROUNDS)}


def test_a_stream_that_never_says_how_it_finished_is_cited_all_the_same():
    assert deltas(chunks_of(chunk({"content": "So [1]."})))[-1] == (
        {"annotations": citations("So [1].", GROUNDS)},
        None,
    )


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_makes_the_same_answer_as_the_whole_one(chunks: list[Json]):
    made = chunks_of(*chunks)
    assert assembled(made) == cited(assembled(chunks), GROUNDS)


def test_the_sdk_puts_the_annotations_together():
    made = chunks_of(chunk({"role": "assistant", "content": SAYS_SO}), chunk({}, "stop"), usage_chunk())
    message = accumulated_completion(made)["choices"][0]["message"]
    assert [one["file_citation"] for one in message["annotations"]] == [
        one["file_citation"] for one in citations(SAYS_SO, GROUNDS)
    ]


def test_a_chat_from_the_cache_is_streamed_with_its_annotations():
    answer = cited(completion({"content": SAYS_SO}), GROUNDS)
    replayed = list(replay_completion(answer, include_usage=True))
    assert assembled(replayed) == answer
    assert [delta.keys() for delta, _ in deltas(replayed)] == [{"role", "content"}, {"content", "annotations"}, set()]


# Responses


def translation(spoken: str, grounds: list[Ground] = GROUNDS, **fields: Any) -> Translation:
    asked = {**OF_API[OPENAI_RESPONSES], **fields}
    grounding = ground(OPENAI_RESPONSES, asked, grounds, BOUNDARY)
    return translate(OPENAI_RESPONSES, asked, {spoken}, Fields(), Origin("1", 1_800_000_000), grounding)


def events_of(made: Translation, events: list[Json]) -> list[Json]:
    translator = made.stream()
    return [*(one for event in events for one in translator.events(event)), *translator.end()]


SEARCHED: Json = {
    "id": "fs_1_0",
    "type": "file_search_call",
    "status": "completed",
    "queries": ["How long may a gate be open?"],
    "results": None,
}
RESULT: Json = {
    "attributes": {},
    "file_id": "file-1",
    "filename": "gates.md",
    "score": 0.75,
    "text": "A gate may be open for an hour.",
}
STREAM = [chunk({"role": "assistant", "content": ""}), chunk({"content": "So ["}), chunk({"content": "2]."}),
          chunk({}, "stop"), usage_chunk()]  # fmt: skip


def test_a_response_tells_of_the_search_and_then_cites():
    response = translation(OPENAI_CHAT).answer(completion({"content": SAYS_SO}))
    check_response(response)
    search, message = response["output"]
    assert search == SEARCHED
    assert message["content"][0]["annotations"] == [citation(GATES, 8), citation(PUMPS, 28), citation(GATES, 31)]
    assert response["tools"] == OF_API[OPENAI_RESPONSES]["tools"]
    assert response["instructions"] is None, "what the model was told is not what its caller said"


def test_what_was_found_is_shown_to_whoever_asks_for_it():
    made = translation(OPENAI_CHAT, [GATES], include=["file_search_call.results"])
    assert made.answer(completion({"content": "So."}))["output"][0] == {**SEARCHED, "results": [RESULT]}


def test_a_search_that_found_nothing_is_told_of_too():
    response = translation(OPENAI_CHAT, []).answer(completion({"content": "Who knows [1]."}))
    assert response["output"][0] == SEARCHED
    assert response["output"][1]["content"][0]["annotations"] == []


def test_where_no_search_was_to_be_made_none_is_told_of():
    response = translation(OPENAI_CHAT, [], tool_choice="none").answer(completion({"content": "So."}))
    assert [item["type"] for item in response["output"]] == ["message"]


def test_a_stream_tells_of_the_search_first_and_of_the_citations_before_the_text_is_done():
    events = events_of(translation(OPENAI_CHAT), STREAM)
    check_events(events)
    assert types(events) == [
        *("created", "in_progress"),
        *("output_item.added", "file_search_call.in_progress", "file_search_call.searching"),
        *("file_search_call.completed", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.annotation.added", "output_text.done", "content_part.done", "output_item.done"),
        "completed",
    ]
    assert [event["output_index"] for event in events if "output_index" in event] == [0] * 5 + [1] * 8
    assert events[2]["item"] == {**SEARCHED, "status": "in_progress"}
    assert events[6]["item"] == SEARCHED
    (annotated,) = [event for event in events if event["type"].endswith("annotation.added")]
    assert annotated["annotation"] == citation(PUMPS, 3)
    assert events[-1]["response"]["output"][1]["content"][0]["annotations"] == [citation(PUMPS, 3)]


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS.keys())
def test_a_streamed_response_is_the_whole_one(chunks: list[Json]):
    events = events_of(translation(OPENAI_CHAT), chunks)
    check_events(events)
    assert events[-1]["response"] == translation(OPENAI_CHAT).answer(assembled(chunks))
    assembler = ResponseAssembler()
    for event in events[:-1]:
        assembler.add(event)
    assert assembler.answer()["output"] == events[-1]["response"]["output"]
    if events[-1]["type"] == "response.completed":
        final = accumulated(events)
        assert final is not None
        assert final.output[0].type == "file_search_call"


def test_an_answer_that_broke_off_before_its_first_word_leaves_the_search_complete():
    response = translation(OPENAI_CHAT).answer(completion({"content": ""}, "length"))
    assert (response["status"], response["output"]) == ("incomplete", [SEARCHED])


def test_given_again_it_is_streamed_as_it_was():
    response = translation(OPENAI_CHAT).answer(completion({"content": SAYS_SO}))
    again = restamped(response, response_id="resp_2", created_at=2, request=OF_API[OPENAI_RESPONSES])
    assert [item["id"] for item in again["output"]] == ["fs_2_0", "msg_2_0"]
    events = list(replay_response(again))
    check_events(events)
    made = types(events)
    assert made[2:7] == [
        *("output_item.added", "file_search_call.in_progress", "file_search_call.searching"),
        *("file_search_call.completed", "output_item.done"),
    ]
    assert made.count("output_text.annotation.added") == 3
    assert made.index("output_text.annotation.added") < made.index("output_text.done")
    assert events[-1]["response"] == again


# Another API behind


MESSAGE: Json = {
    "id": "msg_a",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "So [2]."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "output_tokens": 8},
}
MESSAGE_EVENTS: list[Json] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "So ["}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "2]."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 8}},
    {"type": "message_stop"},
]


def test_what_claude_says_is_cited_in_a_response():
    made = translation(ANTHROPIC_MESSAGES)
    whole = made.answer(MESSAGE)["output"]
    events = events_of(made, MESSAGE_EVENTS)
    check_events(events)
    assert whole == events[-1]["response"]["output"]
    assert whole[1]["content"][0]["annotations"] == [citation(PUMPS, 3)]
    assert BOUNDARY in made.request["system"]
    assert made.request["messages"][0]["content"].startswith(f"<sources {BOUNDARY}>")


def test_what_claude_says_is_cited_in_a_chat():
    asked = OF_API[OPENAI_CHAT]
    grounding = ground(OPENAI_CHAT, asked, GROUNDS, BOUNDARY)
    made = translate(OPENAI_CHAT, asked, {ANTHROPIC_MESSAGES}, Fields(), Origin("1", 1), grounding)
    answer = made.answer(MESSAGE)
    check_completion({**answer, "choices": [{**answer["choices"][0], "message": {"role": "assistant", "content": ""}}]})
    assert answer["choices"][0]["message"]["annotations"] == citations("So [2].", GROUNDS)
    streamed = assembled(events_of(made, MESSAGE_EVENTS))
    assert streamed["choices"] == answer["choices"]
