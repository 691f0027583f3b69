"""The events of Anthropic's stream as chat completion chunks."""

import time
from collections.abc import Iterator

from contracts.apis import arguments
from contracts.apis.answered import list_in, object_in, object_of, text_in
from contracts.apis.chat_to_messages.answer import refusal_of
from contracts.apis.chat_to_messages.citations import annotations_of
from contracts.apis.chat_to_messages.usage import finish_reason, service_tier, usage_of
from contracts.apis.fields import Json


class ChunksOfMessage:
    """A `StreamTranslator`. `finished` once Anthropic said that the message is complete: until then it was cut off.

    `annotations` and `thinking_blocks` come in one chunk before the last ones. A client that adds deltas up (OpenAI's
    own helpers among them) can't put together a list of objects that arrives in pieces. An `error` event becomes
    nothing: the SDK raises it.
    """

    def __init__(self) -> None:
        self.finished = False
        self._head: Json = {}
        self._usage: Json = {}
        self._blocks: dict[int, Json] = {}
        self._written: dict[int, list[str]] = {}
        self._calls: dict[int, int] = {}
        self._length = 0
        self._at_the_end: dict[str, list[Json]] = {}

    def events(self, event: Json) -> Iterator[Json]:
        """The chunks of one event: mostly one or none. Raises `KeyError`, `TypeError` or `ValueError` for no event."""
        match event["type"]:
            case "message_start":
                yield self._start(object_of(event["message"]))
            case "content_block_start":
                yield from self._open(event["index"], object_of(event["content_block"]))
            case "content_block_delta":
                yield from self._continue(event["index"], object_of(event["delta"]))
            case "content_block_stop":
                yield from self._close(event["index"])
            case "message_delta":
                self._usage |= {name: value for name, value in object_in(event, "usage").items() if value is not None}
                yield from self._stop(object_of(event["delta"]))
            case "message_stop":
                self.finished = True
                yield {**self._known_head(), "choices": [], "usage": usage_of(self._usage)}

    def end(self) -> Iterator[Json]:
        """Nothing is owed: `message_stop` was the last event."""
        yield from ()

    def _start(self, message: Json) -> Json:
        self._usage = dict(object_of(message["usage"]))
        self._head = {
            "id": message["id"],
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": message["model"],
            **service_tier(self._usage),
        }
        return self._chunk({"role": "assistant", "content": ""})

    def _open(self, index: int, block: Json) -> Iterator[Json]:
        self._blocks[index], self._written[index] = dict(block), []
        match block["type"]:
            case "tool_use":
                self._calls[index] = len(self._calls)
                function = {"name": block["name"], "arguments": ""}
                yield self._call(index, {"id": block["id"], "type": "function", "function": function})
            case "text":
                yield from self._say(index, "content", text_in(block, "text"))
            case "thinking":
                yield from self._say(index, "reasoning_content", text_in(block, "thinking"))

    def _continue(self, index: int, delta: Json) -> Iterator[Json]:
        block = self._blocks[index]
        match delta["type"]:
            case "text_delta":
                yield from self._say(index, "content", text_in(delta, "text"))
            case "thinking_delta":
                yield from self._say(index, "reasoning_content", text_in(delta, "thinking"))
            case "signature_delta":
                block["signature"] = text_in(delta, "signature")
            case "citations_delta":
                block["citations"] = [*list_in(block, "citations"), delta["citation"]]
            case "input_json_delta" if index in self._calls:
                yield from self._write(index, text_in(delta, "partial_json"))

    def _close(self, index: int) -> Iterator[Json]:
        block, written = self._blocks[index], "".join(self._written[index])
        match block["type"]:
            case "tool_use" if not written:
                # A tool without parameters: no fragment came, and chat's clients parse what they were given.
                yield from self._write(index, arguments.write(object_in(block, "input")))
            case "thinking":
                self._keep("thinking_blocks", [{**block, "thinking": written}])
            case "redacted_thinking":
                self._keep("thinking_blocks", [block])
            case "text":
                start, self._length = self._length, self._length + len(written)
                self._keep("annotations", annotations_of(list_in(block, "citations"), start, self._length))

    def _stop(self, delta: Json) -> Iterator[Json]:
        if self._at_the_end:
            yield self._chunk(self._at_the_end)
        if refusal := refusal_of(delta):
            yield self._chunk(refusal)
        yield self._chunk({}, finish_reason(delta["stop_reason"]))

    def _say(self, index: int, name: str, text: str) -> Iterator[Json]:
        if text:
            self._written[index].append(text)
            yield self._chunk({name: text})

    def _write(self, index: int, fragment: str) -> Iterator[Json]:
        if fragment:
            self._written[index].append(fragment)
            yield self._call(index, {"function": {"arguments": fragment}})

    def _call(self, index: int, part: Json) -> Json:
        return self._chunk({"tool_calls": [{"index": self._calls[index], **part}]})

    def _keep(self, name: str, more: list[Json]) -> None:
        if more:
            self._at_the_end[name] = self._at_the_end.get(name, []) + more

    def _chunk(self, delta: Json, reason: str | None = None) -> Json:
        return {**self._known_head(), "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    def _known_head(self) -> Json:
        if not self._head:
            raise ValueError("a stream of a message must begin with message_start")
        return self._head
