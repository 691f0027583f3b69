"""Anthropic's message as a chat completion."""

import time
from collections.abc import Mapping

from contracts.apis import arguments
from contracts.apis.answered import list_in, object_in, object_of, text_in
from contracts.apis.chat_to_messages.citations import annotations_of
from contracts.apis.chat_to_messages.usage import finish_reason, service_tier, usage_of
from contracts.apis.fields import Json


def to_completion(message: Json) -> Json:
    """The `chat.completion`. `created` is now: Anthropic doesn't say when.

    Claude's thinking is `reasoning_content`, as text, and `thinking_blocks`, which the caller sends back as they are to
    let Claude go on from there. The blocks of tools that Anthropic itself ran have no place in a chat and are left out.
    Raises `KeyError`, `TypeError` or `ValueError` for what is no message.
    """
    said = _Said()
    for block in list_in(object_of(message), "content"):
        said.add(object_of(block))
    usage = object_of(message["usage"])
    choice = {
        "index": 0,
        "message": said.message() | refusal_of(message),
        "finish_reason": finish_reason(message["stop_reason"]),
    }
    return {
        "id": message["id"],
        "object": "chat.completion",
        "created": int(time.time()),
        "model": message["model"],
        "choices": [choice],
        "usage": usage_of(usage),
        **service_tier(usage),
    }


def refusal_of(stopped: Mapping[str, object]) -> Json:
    """Why Claude would not answer, where Anthropic explains it; `stopped` holds `stop_details`."""
    explanation = text_in(object_in(dict(stopped), "stop_details"), "explanation")
    return {"refusal": explanation} if explanation else {}


class _Said:
    """The blocks of a message by what they become."""

    def __init__(self) -> None:
        self._text = ""
        self._reasoning = ""
        self._thinking: list[Json] = []
        self._calls: list[Json] = []
        self._annotations: list[Json] = []

    def add(self, block: Json) -> None:
        match block["type"]:
            case "text":
                start, self._text = len(self._text), self._text + block["text"]
                self._annotations += annotations_of(list_in(block, "citations"), start, len(self._text))
            case "thinking":
                self._reasoning += block["thinking"]
                self._thinking.append(block)
            case "redacted_thinking":
                self._thinking.append(block)
            case "tool_use":
                function = {"name": block["name"], "arguments": arguments.write(object_of(block["input"]))}
                self._calls.append({"id": block["id"], "type": "function", "function": function})

    def message(self) -> Json:
        optional = {
            "reasoning_content": self._reasoning,
            "thinking_blocks": self._thinking,
            "tool_calls": self._calls,
            "annotations": self._annotations,
        }
        content = self._text if self._text or not self._calls else None
        return {"role": "assistant", "content": content, **{name: value for name, value in optional.items() if value}}
