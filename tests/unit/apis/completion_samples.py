"""Chat completions and their chunks, as tests write them."""

from collections.abc import Iterable
from typing import Any

from contracts.apis.assemble_message import MessageAssembler
from contracts.apis.messages_to_chat.stream import MessageEventsOfChunks

Json = dict[str, Any]
HEAD: Json = {"id": "chatcmpl-1", "created": 1, "model": "gpt"}
USAGE: Json = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
COUNTED: Json = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 5,
}


def call(call_id: str, arguments: str = "{}", name: str = "add") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def use(call_id: str, **given: object) -> Json:
    return {"type": "tool_use", "id": call_id, "name": "add", "input": given}


def completion(
    finish_reason: str = "stop", usage: Json | None = USAGE, choice: Json | None = None, **said: object
) -> Json:
    message = {"role": "assistant", "content": None, **said}
    choices = [{"index": 0, "message": message, "finish_reason": finish_reason, **(choice or {})}]
    return {**HEAD, "object": "chat.completion", "choices": choices, "usage": usage}


def chunk(delta: Json, finish_reason: str | None = None, index: int = 0, **more: object) -> Json:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {**HEAD, "object": "chat.completion.chunk", "choices": [choice], **more}


LAST = {**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": USAGE}


def streamed(*chunks: Json, model: str | None = None) -> list[Json]:
    translator = MessageEventsOfChunks(model=model)
    return [event for one in chunks for event in translator.events(one)] + list(translator.end())


def part(index: int | None, arguments: str, **first: str) -> Json:
    function = {"arguments": arguments} | ({"name": first.pop("name")} if "name" in first else {})
    return {**({} if index is None else {"index": index}), **first, "function": function}


def assembled(events: Iterable[Json]) -> Json:
    assembler = MessageAssembler()
    for event in events:
        assembler.add(event)
    return assembler.answer()
