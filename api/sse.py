"""Server-sent events as OpenAI's API sends them."""

from collections.abc import Iterator
from typing import Any

import orjson

CONTENT_TYPE = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"


def event(data: bytes) -> bytes:
    """One event."""
    return b"data: " + data + b"\n\n"


def replay(completion: dict[str, Any], *, include_usage: bool) -> Iterator[bytes]:
    """A whole answer as the events of a stream: role, content, end, and usage where it was asked for."""
    head = {name: value for name, value in completion.items() if name not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"
    for choice in completion.get("choices", ()):
        for delta, finish in _steps(choice):
            chunk = {**head, "choices": [{"index": choice.get("index", 0), "delta": delta, "finish_reason": finish}]}
            yield event(orjson.dumps(chunk))
    if include_usage and completion.get("usage"):
        yield event(orjson.dumps({**head, "choices": [], "usage": completion["usage"]}))


def _steps(choice: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    message = choice.get("message") or {}
    calls = message.get("tool_calls")
    said = {name: value for name, value in message.items() if name not in ("role", "tool_calls") and value is not None}
    yield {"role": message.get("role", "assistant"), "content": None if calls and not said else ""}, None
    if calls:
        said["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
    if said:
        yield said, None
    yield {}, choice.get("finish_reason")
