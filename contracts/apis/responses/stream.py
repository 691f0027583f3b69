"""The chunks of a chat completion, as the events of a Response's stream."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from contracts.apis.answered import list_in, object_in, object_of, text_in
from contracts.apis.fields import Json
from contracts.apis.messages_to_chat.said import reasoning_in
from contracts.apis.responses import events
from contracts.apis.responses.answer import Ending, finished, unfinished
from contracts.apis.responses.events import Numbered, Place
from contracts.apis.responses.ids import call_id, item_id
from contracts.apis.responses.live import LiveCall, LiveItem, LiveMessage, LiveReasoning
from contracts.apis.responses.output import annotations_of, cut_off, logprobs_of, text_of
from contracts.apis.responses.search import LiveSearch


class ResponseEventsOfChunks:
    """A `StreamTranslator`. Its last event holds the Response that `to_response` makes of the assembled chunks.

    Items stay open to the end: a chat may mix the fragments of calls, and go back to talking; citations, and the blocks
    of the thinking, come last. The summary of what a model thought before it talked is closed when it does. Where a
    model calls before it talks, or thinks twice, the Response tells so, and a completion can't.
    """

    def __init__(self, request: Json, *, response_id: str, created_at: int, search: Json | None = None) -> None:
        """`created_at` in Unix seconds; `search` is the item of a search that was made for it."""
        self._request = request
        self._search = search
        self._response_id = response_id
        self._created_at = created_at
        self._number = Numbered()
        self._ending: Ending | None = None
        self._items: list[LiveItem] = []
        self._counts: Counter[str] = Counter()
        self._reasoning: LiveReasoning | None = None
        self._message: LiveMessage | None = None
        self._calls: dict[int | None, LiveCall] = {}
        self._logprobs: list[Json] = []
        self._blocks: list[Json] = []

    def events(self, event: Json) -> list[Json]:
        """The events of one chunk. Raises `KeyError`, `TypeError` or `ValueError` for no chunk."""
        return [self._number(made) for made in self._of_chunk(event)]

    def end(self) -> list[Json]:
        """The events that close what is open, and the whole Response."""
        return [self._number(made) for made in self._ended()]

    def failed(self, error: Mapping[str, Any]) -> list[Json]:
        """The end of a stream that was cut, with what had been said; `error` as `answer.error_of` makes it."""
        return [self._number(made) for made in self._failed(error)]

    def _of_chunk(self, chunk: Json) -> Iterator[Json]:
        yield from self._begin(chunk.get("model"))
        self._note(usage=object_in(chunk, "usage"), service_tier=chunk.get("service_tier"))
        for choice in map(object_of, chunk["choices"]):
            if (choice.get("index") or 0) == 0:
                self._note(finish_reason=choice.get("finish_reason"))
                self._logprobs += logprobs_of(choice)
                yield from self._of_delta(object_in(choice, "delta"))

    def _of_delta(self, delta: Json) -> Iterator[Json]:
        self._blocks += list_in(delta, "thinking_blocks")
        if thought := reasoning_in(delta):
            reasoning = yield from self._thinking()
            yield from reasoning.say(thought)
        if text := text_of(delta):
            message = yield from self._talking()
            logprobs, self._logprobs = self._logprobs, []
            yield from message.say(text, logprobs)
        if annotations := annotations_of(delta):
            message = yield from self._talking()
            yield from message.annotate(annotations)
        if refusal := text_in(delta, "refusal"):
            message = yield from self._talking()
            yield from message.refuse(refusal)
        for part in map(object_of, list_in(delta, "tool_calls")):
            yield from self._call(part)

    def _begin(self, model: str | None) -> Iterator[Json]:
        if self._ending is None:
            self._ending = Ending(model or self._request["model"])
            yield from events.begun(self._unfinished("in_progress"))
            yield from self._searched()

    def _searched(self) -> Iterator[Json]:
        if self._search is not None:
            made = LiveSearch(self._place(self._search["type"]), self._search)
            yield self._open(made)
            yield from made.run()

    def _note(self, **known: Any) -> None:  # noqa: ANN401 - the fields of an Ending
        if self._ending is not None:
            self._ending = replace(self._ending, **{name: value for name, value in known.items() if value})

    def _thinking(self) -> Generator[Json, None, LiveReasoning]:
        if self._reasoning is None:
            self._reasoning = LiveReasoning(self._place("reasoning"))
            yield self._open(self._reasoning)
        return self._reasoning

    def _talking(self) -> Generator[Json, None, LiveMessage]:
        yield from self._thought()
        if self._message is None:
            self._message = LiveMessage(self._place("message"))
            yield self._open(self._message)
        return self._message

    def _thought(self) -> Iterator[Json]:
        if self._reasoning is not None:
            yield from self._reasoning.pause()

    def _call(self, part: Json) -> Iterator[Json]:
        yield from self._thought()
        # Gemini numbers all parallel calls 0, or none of them: another id is another call.
        call, given = self._calls.get(part.get("index")), text_in(part, "id")
        if call is None or (given and call.given_id and given != call.given_id):
            made = call_id(self._response_id, self._counts["function_call"])
            call = LiveCall(self._place("function_call"), given, made)
            self._calls[part.get("index")] = call
            call.know(part)
            yield self._open(call)
        else:
            call.know(part)
        if arguments := text_in(object_in(part, "function"), "arguments"):
            yield from call.say(arguments)

    def _place(self, kind: str) -> Place:
        number = self._counts[kind]
        self._counts[kind] += 1
        return Place(len(self._items), item_id(kind, self._response_id, number))

    def _open(self, item: LiveItem) -> Json:
        self._items.append(item)
        return item.opening()

    def _ended(self) -> Iterator[Json]:
        yield from self._begin(None)
        ending = self._ending or Ending(self._request["model"])
        if self._blocks:
            reasoning = yield from self._thinking()
            reasoning.know(self._blocks)
        output = [item.whole() for item in self._items]
        output = cut_off(output) if ending.incomplete else output
        for item, whole in zip(self._items, output, strict=True):
            yield from item.closing(whole)
        response = finished(self._request, output, ending, response_id=self._response_id, created_at=self._created_at)
        yield events.ended(response)

    def _failed(self, error: Mapping[str, Any]) -> Iterator[Json]:
        yield from self._begin(None)
        output = cut_off([item.whole() for item in self._items])
        yield events.ended({**self._unfinished("failed", error), "output": output})

    def _unfinished(self, status: str, error: Mapping[str, Any] | None = None) -> Json:
        request = {**self._request, "model": self._ending.model} if self._ending is not None else self._request
        return unfinished(
            request, response_id=self._response_id, created_at=self._created_at, status=status, error=error
        )
