"""A whole message as the events of a stream: how a cached answer reaches a caller who asked for one."""

from collections.abc import Iterator

from contracts.apis import arguments
from contracts.apis.answered import list_in, object_of
from contracts.apis.fields import Json

_STOP = ("container", "stop_details", "stop_reason", "stop_sequence")
_DELTA_USAGE = (
    *("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
    *("output_tokens_details", "server_tool_use"),
)
_WITH_INPUT = ("tool_use", "server_tool_use")


def replay_message(message: Json) -> Iterator[Json]:
    """The events, which the SDK's own accumulator turns back into the same message: one delta a block.

    Raises `KeyError`, `TypeError` or `ValueError` for what is no message.
    """
    usage = object_of(message["usage"])
    begun = {**message, **{name: None for name in _STOP if name in message}, "content": []}
    yield {"type": "message_start", "message": {**begun, "usage": {**usage, "output_tokens": 0}}}
    for index, item in enumerate(list_in(message, "content")):
        block = object_of(item)
        emptied, deltas = _apart(block)
        yield {"type": "content_block_start", "index": index, "content_block": emptied}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {name: message[name] for name in _STOP if name in message},
        "usage": {name: usage[name] for name in _DELTA_USAGE if usage.get(name) is not None},
    }
    yield {"type": "message_stop"}


def _apart(block: Json) -> tuple[Json, list[Json]]:
    """The block as it is opened, and the deltas that fill it. The blocks of a server's tools are opened full."""
    kind = block["type"]
    if kind == "text":
        cited = [{"type": "citations_delta", "citation": citation} for citation in list_in(block, "citations")]
        emptied = {**block, "text": "", **({"citations": []} if cited else {})}
        return emptied, [*_said("text_delta", "text", block["text"]), *cited]
    if kind == "thinking":
        signed = _said("signature_delta", "signature", block["signature"])
        return {**block, "thinking": "", "signature": ""}, [
            *_said("thinking_delta", "thinking", block["thinking"]),
            *signed,
        ]
    if kind in _WITH_INPUT and block["input"]:
        written = arguments.dump(object_of(block["input"]))
        return {**block, "input": {}}, _said("input_json_delta", "partial_json", written)
    return block, []


def _said(kind: str, name: str, text: str) -> list[Json]:
    return [{"type": kind, name: text}] if text else []
