"""Chat completion chunks as the events of Anthropic's stream."""

from collections.abc import Iterator

from contracts.apis.answered import count_in, list_in, object_in, object_of, text_in
from contracts.apis.fields import Json
from contracts.apis.messages_to_chat.answer import call_id, head_of
from contracts.apis.messages_to_chat.said import reasoning_in, text_in_content
from contracts.apis.messages_to_chat.usage import Ending, service_tier, usage_of


class MessageEventsOfChunks:
    """A `StreamTranslator`. `model` goes before the chunks'.

    Thinking and text are closed before the next block opens. Calls stay open until the end, because the fragments of
    parallel ones may alternate; each event names its block. The usage comes in the last chunk, after the finish reason:
    so `message_start` counts 0 where nothing is known, and `end` brings the counts and the stop reason. Fragments of
    arguments go on as they come: no one can tell before the last whether they will be JSON.
    """

    def __init__(self, *, model: str | None = None) -> None:
        self._model = model
        self._started = False
        self._usage: Json = {}
        self._ending = Ending()
        self._blocks = 0
        self._speaking: str | None = None
        self._calls: dict[int, int] = {}
        self._open: list[int] = []

    def events(self, event: Json) -> Iterator[Json]:
        """The events of one chunk. Raises `KeyError`, `TypeError` or `ValueError` for no chunk."""
        self._usage = object_in(object_of(event), "usage") or self._usage
        # Azure's first chunk has no choice, and neither an id nor a model yet.
        for item in event["choices"] or ():
            choice = object_of(item)
            if choice.get("index", 0) != 0:
                continue
            if not self._started:
                self._started = True
                yield self._start(event)
            yield from self._continue(choice)

    def end(self) -> Iterator[Json]:
        """The last two events; none for a stream that never began."""
        if not self._started:
            return
        yield from self._close()
        yield {
            "type": "message_delta",
            "delta": self._ending.fields(),
            "usage": usage_of(self._usage),
        }
        yield {"type": "message_stop"}

    def _start(self, chunk: Json) -> Json:
        message = {
            **head_of(chunk, self._model),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(self._usage) | service_tier(chunk),
        }
        return {"type": "message_start", "message": message}

    def _continue(self, choice: Json) -> Iterator[Json]:
        delta = object_in(choice, "delta")
        self._ending.take(choice, delta)
        if reasoning := reasoning_in(delta):
            yield from self._say("thinking", {"type": "thinking", "thinking": "", "signature": ""}, reasoning)
        if text := text_in_content(delta):
            yield from self._say("text", {"type": "text", "text": ""}, text)
        for call in list_in(delta, "tool_calls"):
            yield from self._call(object_of(call))
        if choice.get("finish_reason"):
            yield from self._close()

    def _say(self, kind: str, block: Json, more: str) -> Iterator[Json]:
        if self._speaking != kind:
            yield from self._hush()
            self._speaking = kind
            yield self._begin(block)
        # Calls may have been opened since, but then the block was closed: it is the last.
        yield _delta(self._blocks - 1, {"type": f"{kind}_delta", kind: more})

    def _call(self, call: Json) -> Iterator[Json]:
        function = object_in(call, "function")
        number = self._number_of(call)
        if number not in self._calls:
            yield from self._hush()
            self._calls[number] = self._blocks
            block = {"type": "tool_use", "id": call_id(call), "name": function["name"], "input": {}}
            yield self._begin(block)
        if fragment := text_in(function, "arguments"):
            yield _delta(self._calls[number], {"type": "input_json_delta", "partial_json": fragment})

    def _number_of(self, call: Json) -> int:
        """The index of a call. Servers without one send every call whole: each with an id is a new one."""
        if call.get("index") is not None:
            return count_in(call, "index")
        return len(self._calls) if call.get("id") else max(len(self._calls) - 1, 0)

    def _begin(self, block: Json) -> Json:
        index, self._blocks = self._blocks, self._blocks + 1
        self._open.append(index)
        return {"type": "content_block_start", "index": index, "content_block": block}

    def _hush(self) -> Iterator[Json]:
        """Closes the thinking or the text that is being said."""
        if self._speaking is not None:
            self._speaking = None
            yield _stop(self._open.pop())

    def _close(self) -> Iterator[Json]:
        self._speaking = None
        closing, self._open = self._open, []
        for index in closing:
            yield _stop(index)


def _delta(index: int, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _stop(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}
