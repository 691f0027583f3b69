"""Chunks and completions for the tests of the Responses API, and the official SDK's opinion of what comes of them."""

from collections.abc import Iterable
from typing import Any

from openai import omit
from openai._models import construct_type_unchecked
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ParsedResponse, Response, ResponseStreamEvent
from pydantic import TypeAdapter

from contracts.apis.assemble_chat import ChatAssembler
from contracts.apis.responses.stream import ResponseEventsOfChunks

Json = dict[str, Any]
REQUEST: Json = {"model": "m", "input": "Hello"}
STAMP: Json = {"response_id": "resp_1", "created_at": 1_800_000_000}
HEAD: Json = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-2026"}
USAGE: Json = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}
BLOCKS: list[Json] = [
    {"type": "thinking", "thinking": "Hmm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "eHl6"},
]
_EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def chunk(delta: Json, finish_reason: str | None = None, **fields: Any) -> Json:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason, **fields}]}


def usage_chunk() -> Json:
    return {**HEAD, "choices": [], "usage": USAGE}


def call_chunk(index: int, arguments: str, **call: Any) -> Json:
    """A fragment of a tool call; `name` and `id` come with its first."""
    function = {"arguments": arguments, **({"name": call.pop("name")} if "name" in call else {})}
    return chunk({"tool_calls": [{"index": index, "type": "function", "function": function, **call}]})


def completion(message: Json, finish_reason: str = "stop", **fields: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE, **fields}


def function_call(call_id: str, name: str, arguments: str) -> Json:
    """A call as a chat has it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def assembled(chunks: Iterable[Json]) -> Json:
    """The completion that the provider worker makes of the chunks."""
    assembler = ChatAssembler()
    for one in chunks:
        assembler.add(one)
    return assembler.answer()


def streamed(chunks: Iterable[Json], request: Json = REQUEST) -> list[Json]:
    """The events of a whole stream."""
    translator = ResponseEventsOfChunks(request, **STAMP)
    events = [event for one in chunks for event in translator.events(one)]
    return [*events, *translator.end()]


def types(events: Iterable[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def check_response(response: Json) -> Response:
    """The SDK's own model of it; fails where a field is missing or of another type."""
    return Response.model_validate(response)


def check_events(events: list[Json]) -> None:
    """Every event has the shape that the SDK knows for its type, and the numbers have no gap."""
    for event in events:
        assert _EVENTS.validate_python(event).type == event["type"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def accumulated(events: list[Json]) -> ParsedResponse[None] | None:
    """What `client.responses.stream(...).get_final_response()` returns for these events."""
    state: ResponseStreamState[None] = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        state.handle_event(construct_type_unchecked(type_=ResponseStreamEvent, value=event))
    return state._completed_response


TEXT = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"})]
REASONED = [
    chunk({"reasoning_content": "Let me"}),
    chunk({"reasoning_content": " see"}),
    chunk({"content": "42"}),
    chunk({"thinking_blocks": BLOCKS}),
    chunk({}, "stop"),
    usage_chunk(),
]
CALLS = [
    chunk({"content": "I look."}),
    call_chunk(0, "", id="call_a", name="add"),
    call_chunk(0, '{"x":'),
    call_chunk(0, "1}"),
    call_chunk(1, '{"y":2}', id="call_b", name="sub"),
    chunk({}, "tool_calls"),
    usage_chunk(),
]
REFUSED = [chunk({"refusal": "I "}), chunk({"refusal": "won't."}), chunk({}, "stop"), usage_chunk()]
CUT_BY_LENGTH = [*TEXT, chunk({}, "length"), usage_chunk()]
FILTERED = [*TEXT, chunk({}, "content_filter"), usage_chunk()]
MIXED_CALLS = [
    call_chunk(0, '{"a"', id="call_a", name="add"),
    call_chunk(1, '{"b"', id="call_b", name="add"),
    call_chunk(0, ":1}"),
    call_chunk(1, ":2}"),
    chunk({}, "tool_calls"),
    usage_chunk(),
]
CITATION = {"url": "u", "title": "t", "start_index": 0, "end_index": 4}
CITED = [
    chunk({"content": "See."}),
    chunk({"annotations": [{"type": "url_citation", "url_citation": CITATION}]}),
    chunk({}, "stop"),
    usage_chunk(),
]
CITED_LATE = [
    chunk({"content": "See."}),
    call_chunk(0, "{}", id="call_a", name="add"),
    chunk({"annotations": [{"type": "url_citation", "url_citation": CITATION}], "thinking_blocks": BLOCKS[1:]}),
    chunk({}, "tool_calls"),
    usage_chunk(),
]
TALKS_ON = [
    chunk({"reasoning_content": "Hm"}),
    chunk({"content": "a"}),
    call_chunk(0, "{}", id="call_a", name="add"),
    chunk({"content": "b"}),
    chunk({}, "length"),
    usage_chunk(),
]
STREAMS = {
    "text": [*TEXT, chunk({}, "stop"), usage_chunk()],
    "reasoning": REASONED,
    "calls": CALLS,
    "refusal": REFUSED,
    "length": CUT_BY_LENGTH,
    "filter": FILTERED,
    "mixed calls": MIXED_CALLS,
    "citation": CITED,
    "all that comes late": CITED_LATE,
    "text after a call": TALKS_ON,
    "nothing": [chunk({"role": "assistant", "content": ""}), chunk({}, "stop"), usage_chunk()],
    "no usage": [*TEXT, chunk({}, "stop")],
    "other choice": [chunk({"content": "other"}, index=1), *TEXT, chunk({}, "stop"), usage_chunk()],
}
"""One stream of every kind."""
