"""The Responses translators on generated requests, streams and nonsense: nothing is lost, and nothing breaks."""

import contextlib
from itertools import zip_longest
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.apis.fields import Fields
from contracts.apis.responses.answer import to_response
from contracts.apis.responses.assemble import ResponseAssembler
from contracts.apis.responses.items import continued, input_items
from contracts.apis.responses.replay import replay_response, restamped
from contracts.apis.responses.request import to_chat
from contracts.apis.responses.stream import ResponseEventsOfChunks
from contracts.errors import PenstockError
from tests.unit.apis.responses_samples import (
    BLOCKS,
    REQUEST,
    STAMP,
    Json,
    accumulated,
    assembled,
    call_chunk,
    check_events,
    check_response,
    chunk,
    completion,
    function_call,
    streamed,
    usage_chunk,
)

quick = settings(max_examples=100, deadline=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
FRAGMENTS = st.lists(TEXTS.filter(bool), max_size=4)
CALLS = st.lists(st.tuples(NAMES, NAMES, FRAGMENTS), max_size=3, unique_by=lambda call: call[0])
FINISH = st.sampled_from(["stop", "tool_calls", "length", "content_filter"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def turns(draw: st.DrawFn) -> tuple[list[Json], list[tuple[Any, ...]]]:
    """The items of a conversation, and what must be found in the chat, in order."""
    items: list[Json] = []
    said: list[tuple[Any, ...]] = []
    for _ in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(["user", "developer", "assistant", "image", "calls"])):
            case "image":
                url, text = f"https://x/{draw(NAMES)}.png", draw(TEXTS)
                parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]
                items.append({"role": "user", "content": parts})
                said.append(
                    ("user", [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}])
                )
            case "calls":
                calls = draw(CALLS.filter(bool))
                for call_id, name, fragments in calls:
                    call = {"call_id": call_id, "name": name, "arguments": "".join(fragments)}
                    items.append({"type": "function_call", **call})
                    said.append(("call", function_call(**call)))
                for call_id, _, _ in calls:
                    items.append({"type": "function_call_output", "call_id": call_id, "output": draw(TEXTS)})
                    said.append(("tool", call_id, items[-1]["output"]))
            case role:
                kind = "output_text" if role == "assistant" else "input_text"
                text = draw(TEXTS)
                content = draw(st.sampled_from([text, [{"type": kind, "text": text}]]))
                items.append({"role": role, "content": content})
                said.append((role, text))
    return items, said


def told(messages: list[Json]) -> list[tuple[Any, ...]]:
    """What a chat says, one thing at a time."""
    said: list[tuple[Any, ...]] = []
    for message in messages:
        if message["role"] == "tool":
            said.append(("tool", message["tool_call_id"], message["content"]))
        elif message["content"] is not None:
            said.append((message["role"], message["content"]))
        said += [("call", call) for call in message.get("tool_calls", ())]
    return said


@st.composite
def streams(draw: st.DrawFn) -> list[Json]:
    """The chunks of an answer that thinks, talks and calls, any of which may be missing."""
    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"reasoning_content": text}) for text in draw(FRAGMENTS)]
    blocks = [chunk({"thinking_blocks": BLOCKS})] if draw(st.booleans()) else []
    early = draw(st.booleans())
    chunks += blocks if early else []
    chunks += [chunk({"content": text}) for text in draw(FRAGMENTS)]
    chunks += [chunk({"refusal": text}) for text in draw(FRAGMENTS)]
    calls = draw(CALLS)
    chunks += [call_chunk(index, "", id=one, name=name) for index, (one, name, _) in enumerate(calls)]
    mixed = zip_longest(*(fragments for _, _, fragments in calls))
    chunks += [call_chunk(index, text) for row in mixed for index, text in enumerate(row) if text is not None]
    chunks += [] if early else blocks
    return [*chunks, chunk({}, draw(FINISH)), *draw(st.sampled_from([[], [usage_chunk()]]))]


@quick
@given(turns(), st.none() | TEXTS.filter(bool))
def test_a_request_keeps_its_roles_texts_images_calls_and_outputs(turned: Any, instructions: str | None):
    items, said = turned
    messages = to_chat({"input": items, "instructions": instructions}, Fields())["messages"]
    assert told(messages) == [*([("system", instructions)] if instructions else []), *said]


@quick
@given(turns(), turns())
def test_a_continued_request_says_first_what_was_said_before(first: Any, second: Any):
    before = input_items({"input": first[0]}, "resp_1")
    whole = continued({"input": second[0]}, before, [])
    assert told(to_chat(whole, Fields())["messages"]) == told(
        [
            *to_chat({"input": first[0]}, Fields())["messages"],
            *to_chat({"input": second[0]}, Fields())["messages"],
        ]
    )


@quick
@given(TEXTS, TEXTS, st.sampled_from([[], BLOCKS]), CALLS, FINISH)
def test_an_answer_goes_back_to_the_model_as_it_came(
    content: str, refusal: str, blocks: list[Json], calls: list[Any], finish: str
):
    message: Json = {"content": content or None, "refusal": refusal or None, "thinking_blocks": blocks}
    message["tool_calls"] = [function_call(one, name, "".join(arguments)) for one, name, arguments in calls]
    response = to_response(completion(message, finish), REQUEST, **STAMP)
    check_response(response)
    chat = to_chat(continued({"input": "Go on"}, [], response["output"]), Fields())["messages"]
    kept = {name: value for name, value in message.items() if value}
    if not kept.keys() - {"thinking_blocks"}:
        assert chat == [{"role": "user", "content": "Go on"}]
    else:
        assert chat[0] == {"role": "assistant", "content": None, **kept}


@quick
@given(streams())
def test_a_stream_ends_with_what_the_assembled_completion_becomes(chunks: list[Json]):
    events = streamed(chunks)
    check_events(events)
    final = events[-1]["response"]
    assert final == to_response(assembled(chunks), REQUEST, **STAMP)
    seen = accumulated(events)
    assert (seen is not None) is (final["status"] == "completed")
    assert again(events) == final


@quick
@given(streams())
def test_a_replay_says_the_same_and_so_does_a_copy_under_another_id(chunks: list[Json]):
    response = to_response(assembled(chunks), REQUEST, **STAMP)
    assert again(list(replay_response(response))) == response
    other = {"response_id": "resp_2", "created_at": 2}
    assert restamped(response, **other, request=REQUEST) == to_response(assembled(chunks), REQUEST, **other)


def again(events: list[Json]) -> Json:
    """The Response that the assembler makes; without the last event it has the same output."""
    assembler = ResponseAssembler()
    for event in events[:-1]:
        assembler.add(event)
    output = assembler.answer()["output"]
    assembler.add(events[-1])
    assert output == assembler.answer()["output"]
    return assembler.answer()


FIELDS = ["input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "top_logprobs", "prompt"]
ITEMS = st.dictionaries(
    st.sampled_from(["type", "role", "content", "call_id", "name", "arguments", "output", "id", "encrypted_content"]),
    st.sampled_from(["message", "function_call", "function_call_output", "reasoning", "user", "assistant"]) | JSON,
)


@quick
@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.lists(ITEMS | JSON, max_size=3), st.booleans())
def test_a_request_of_nonsense_is_translated_or_refused(request: Json, items: list[Any], drop: bool):
    for asked in (request, {**request, "input": items}):
        with contextlib.suppress(PenstockError):
            to_chat(asked, Fields(drop=drop))
        with contextlib.suppress(PenstockError):
            input_items(continued(asked, [], []), "resp_1")


DELTAS = st.dictionaries(
    st.sampled_from(["content", "refusal", "reasoning_content", "thinking_blocks", "annotations", "tool_calls"]),
    JSON | st.lists(st.dictionaries(st.sampled_from(["index", "id", "function", "type"]), JSON), max_size=2),
)


@quick
@given(DELTAS, JSON, JSON)
def test_an_answer_of_nonsense_is_translated_or_one_of_three_errors(delta: Json, usage: Any, finish: Any):
    with contextlib.suppress(KeyError, TypeError, ValueError):
        to_response({**completion(delta, finish), "usage": usage}, REQUEST, **STAMP)
    translator = ResponseEventsOfChunks(REQUEST, **STAMP)
    with contextlib.suppress(KeyError, TypeError, ValueError):
        translator.events({**chunk(delta, finish), "usage": usage})
        translator.end()


@quick
@given(st.lists(st.dictionaries(NAMES, JSON) | ITEMS, max_size=3), st.sampled_from(["completed", "failed"]))
def test_a_stored_response_of_nonsense_is_replayed_or_one_of_three_errors(output: list[Json], status: str):
    response = {**to_response(completion({"content": "x"}), REQUEST, **STAMP), "output": output, "status": status}
    with contextlib.suppress(KeyError, TypeError, ValueError):
        list(replay_response(response))
    with contextlib.suppress(KeyError, TypeError, ValueError):
        restamped(response, response_id="resp_2", created_at=2, request=REQUEST)
    assembler = ResponseAssembler()
    for event in output:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            assembler.add({"type": "response.output_item.added", "output_index": 0, "item": event})
            assembler.add({"type": "response.output_text.delta", "output_index": 0, **event})
