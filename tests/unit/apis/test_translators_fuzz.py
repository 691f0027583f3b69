"""What holds for every request and every answer: nothing that was said is lost, and nothing unexpected is raised."""

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.apis.assemble_message import MessageAssembler
from contracts.apis.chat_to_messages.answer import to_completion
from contracts.apis.chat_to_messages.request import to_messages
from contracts.apis.chat_to_messages.stream import ChunksOfMessage
from contracts.apis.fields import Fields
from contracts.apis.messages_to_chat.answer import to_message
from contracts.apis.messages_to_chat.replay import replay_message
from contracts.apis.messages_to_chat.request import to_chat
from contracts.apis.messages_to_chat.stream import MessageEventsOfChunks
from contracts.errors import PenstockError
from tests.unit.apis import sdk
from tests.unit.apis.chat_strategies import chat_requests, completions
from tests.unit.apis.completion_samples import HEAD, assembled, chunk
from tests.unit.apis.message_strategies import messages, messages_requests
from tests.unit.apis.said import said_in_chat, said_in_messages
from tests.unit.apis.strategies import Json, spoilt

briefly = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def named(request: Json, *names: str) -> Json:
    """These fields, where they ask for something."""
    return {name: request[name] for name in names if request.get(name) not in (None, [])}


@briefly
@given(chat_requests())
def test_a_chat_request_keeps_all_that_was_said_through_messages_and_back(request: Json):
    asked = to_messages(request, Fields())
    sdk.check_messages_request(asked)
    roles = [turn["role"] for turn in asked["messages"]]
    assert all(role != next_role for role, next_role in pairwise(roles))
    back = to_chat(asked, Fields())
    sdk.check_chat_request(back)
    assert said_in_chat(back) == said_in_chat(request)
    names = ["tools", "stop", "user", "temperature", *(["max_tokens"] if "max_tokens" in request else [])]
    assert named(back, *names) == named(request, *names)
    if request.get("tools"):
        assert back.get("tool_choice", "auto") == request.get("tool_choice", "auto")


@briefly
@given(messages_requests())
def test_a_messages_request_keeps_all_that_was_said_through_chat_and_back(request: Json):
    asked = to_chat(request, Fields())
    sdk.check_chat_request(asked)
    back = to_messages(asked, Fields())
    sdk.check_messages_request(back)
    assert said_in_messages(back) == said_in_messages(request)
    names = ("max_tokens", "temperature", "stop_sequences", "metadata", *(["tool_choice"] if "tools" in back else []))
    assert named(back, *names) == named(request, *names)
    plain = [{name: tool[name] for name in tool if name != "cache_control"} for tool in request.get("tools", [])]
    assert back.get("tools", []) == plain


@briefly
@given(completions())
def test_a_completion_is_the_same_after_it_was_a_message(completion: Json):
    message = to_message(completion)
    sdk.check_message(message)
    back = to_completion(message)
    sdk.check_completion(back)
    assert answered(back) == answered(completion)


@briefly
@given(messages())
def test_a_message_is_the_same_after_it_was_a_completion(message: Json):
    completion = to_completion(message)
    sdk.check_completion(completion)
    back = to_message(completion)
    sdk.check_message(back)
    assert answered(to_completion(back)) == answered(completion)
    assert [block for block in back["content"] if block["type"] == "tool_use"] == [
        block for block in message["content"] if block["type"] == "tool_use"
    ]


def answered(completion: Json) -> Json:
    """What a completion says, its arguments as what they mean where they mean something."""
    choice, usage = completion["choices"][0], completion["usage"]
    said = choice["message"]
    return {
        "content": said.get("content") or "",
        "reasoning": said.get("reasoning_content") or "",
        "calls": [
            (call["id"], call["function"]["name"], meaning(call["function"]["arguments"]))
            for call in said.get("tool_calls") or ()
        ],
        "finish_reason": choice["finish_reason"],
        "tokens": [usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]],
        "cached": usage["prompt_tokens_details"],
        "reasoned": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
    }


def meaning(arguments: str) -> object:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


@briefly
@given(messages())
def test_a_replayed_message_is_the_same_to_every_reader(message: Json):
    events = list(replay_message(message))
    assert assembled(events) == message
    assert sdk.accumulated_message(events) == sdk.check_message(message)
    translator = ChunksOfMessage()
    chunks = [one for event in events for one in translator.events(event)]
    assert translator.finished
    whole, streamed = to_completion(message), sdk.accumulated_completion(chunks)
    assert answered(streamed) == answered(whole)
    for name in ("thinking_blocks", "annotations"):
        assert streamed["choices"][0]["message"].get(name) == whole["choices"][0]["message"].get(name)


@st.composite
def cut_into_chunks(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """A completion, and the chunks of a stream that says the same, its texts and arguments cut anywhere."""
    completion = draw(completions())
    choice = completion["choices"][0]
    said = choice["message"]
    chunks = [chunk({"role": "assistant", "content": ""})]
    for name in ("reasoning_content", "content"):
        chunks += [chunk({name: piece}) for piece in draw(pieces(said.get(name) or ""))]
    waiting: list[list[Json]] = []
    for index, call in enumerate(said.get("tool_calls") or ()):
        first = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
        chunks.append(chunk({"tool_calls": [first]}))
        fragments = draw(pieces(call["function"]["arguments"]))
        waiting.append([{"index": index, "function": {"arguments": fragment}} for fragment in fragments])
    while waiting := [parts for parts in waiting if parts]:
        chunks.append(chunk({"tool_calls": [draw(st.sampled_from(waiting)).pop(0)]}))
    chunks += [chunk({}, choice["finish_reason"]), {**HEAD, "choices": [], "usage": completion["usage"]}]
    return completion, [{**one, "id": completion["id"], "model": completion["model"]} for one in chunks]


def pieces(text: str) -> st.SearchStrategy[list[str]]:
    cuts = st.lists(st.integers(0, len(text)), max_size=4).map(sorted)
    return cuts.map(lambda at: [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)])


@briefly
@given(cut_into_chunks())
def test_a_stream_of_chunks_is_the_whole_completion_as_a_message(stream: tuple[Json, list[Json]]):
    completion, chunks = stream
    translator = MessageEventsOfChunks()
    events = [event for one in chunks for event in translator.events(one)] + list(translator.end())
    message = to_message(completion)
    assert assembled(events) == message
    if not any("_raw" in block.get("input", {}) for block in message["content"]):
        assert sdk.accumulated_message(events) == sdk.check_message(message)


@briefly
@given(messages(), st.data())
def test_a_message_that_was_cut_off_is_a_message_so_far(message: Json, data: st.DataObject):
    events = list(replay_message(message))
    so_far = assembled(events[: data.draw(st.integers(0, len(events)))])
    sdk.check_message(so_far)
    assert [block["type"] for block in so_far["content"]] == [
        block["type"] for block in message["content"][: len(so_far["content"])]
    ]


@briefly
@given(spoilt(chat_requests()), st.booleans())
def test_a_spoilt_chat_request_is_translated_or_refused(request: Json, drop: bool):
    translated_or_refused(to_messages, request, drop)


@briefly
@given(spoilt(messages_requests()), st.booleans())
def test_a_spoilt_messages_request_is_translated_or_refused(request: Json, drop: bool):
    translated_or_refused(to_chat, request, drop)


def translated_or_refused(translate: Callable[[Json, Fields], Json], request: Json, drop: bool) -> None:
    try:
        body = translate(request, Fields(drop=drop))
    except PenstockError as error:
        assert error.param
    else:
        orjson.dumps(body)


def read_or_refused(read: Callable[[Any], object], answers: Iterable[Any]) -> None:
    """Reads until the first error, which is one that the adapters expect."""
    try:
        for answer in answers:
            read(answer)
    except (KeyError, TypeError, ValueError):
        return


@briefly
@given(spoilt(messages()), spoilt(completions()))
def test_a_spoilt_answer_is_read_or_an_error_of_its_shape(message: Json, completion: Json):
    read_or_refused(to_completion, [message])
    read_or_refused(lambda answer: list(replay_message(answer)), [message])
    read_or_refused(to_message, [completion])


@briefly
@given(spoilt(messages().map(lambda message: {"events": list(replay_message(message))})))
def test_a_spoilt_stream_of_events_is_read_or_an_error_of_its_shape(stream: Json):
    events = stream.get("events")
    if isinstance(events, list):
        chunks, assembler = ChunksOfMessage(), MessageAssembler()
        read_or_refused(lambda event: list(chunks.events(event)), events)
        read_or_refused(assembler.add, events)
        assembler.answer()


@briefly
@given(spoilt(cut_into_chunks().map(lambda stream: {"chunks": stream[1]})))
def test_a_spoilt_stream_of_chunks_is_read_or_an_error_of_its_shape(stream: Json):
    chunks = stream.get("chunks")
    if isinstance(chunks, list):
        translator = MessageEventsOfChunks()
        read_or_refused(lambda one: list(translator.events(one)), chunks)
        read_or_refused(list, [translator.end()])
