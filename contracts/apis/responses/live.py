"""The items of an answer while it is being given: each knows what it holds so far, and the events of what comes in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from contracts.apis.answered import object_in, text_in
from contracts.apis.fields import Json
from contracts.apis.responses import events
from contracts.apis.responses.events import Place
from contracts.apis.responses.output import (
    call_item,
    message_item,
    reasoning_item,
    refusal_part,
    rest_of_call,
    summary_part,
    text_part,
)


class LiveItem(ABC):
    """An item at its place in the output."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @abstractmethod
    def whole(self) -> Json:
        """The item as far as it is known."""

    def opening(self) -> Json:
        """The event that begins it."""
        return events.opened(self.place, self.whole())

    def closing(self, item: Json) -> Iterator[Json]:
        """The events that end it; `item` is what it has become."""
        return events.closed(self.place, item)


class LiveReasoning(LiveItem):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._parts: list[list[str]] = []
        self._blocks: list[Json] = []
        self._pausing = True

    def say(self, text: str) -> Iterator[Json]:
        """More of the summary; after a pause in a part of its own."""
        if self._pausing:
            self._pausing = False
            self._parts.append([])
            yield events.summary_opened(self.place, len(self._parts) - 1)
        self._parts[-1].append(text)
        yield events.summary_delta(self.place, len(self._parts) - 1, text)

    def pause(self) -> Iterator[Json]:
        """The model has begun to talk or to call: what it has thought so far is a whole part."""
        if not self._pausing:
            self._pausing = True
            part = summary_part("".join(self._parts[-1]))
            yield from events.summary_closed(self.place, len(self._parts) - 1, part)

    def know(self, blocks: list[Json]) -> None:
        """Blocks that the caller is to bring back; no event tells of them before the item is done."""
        self._blocks += blocks

    def whole(self) -> Json:
        return reasoning_item(self.place.item_id, ["".join(texts) for texts in self._parts], self._blocks)

    def closing(self, item: Json) -> Iterator[Json]:
        yield from self.pause()
        yield events.done(self.place, item)


class LiveMessage(LiveItem):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._kinds: list[str] = []
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._annotations: list[Json] = []
        self._logprobs: list[Json] = []

    def say(self, text: str, logprobs: list[Json]) -> Iterator[Json]:
        """More text."""
        yield from self._part("output_text")
        self._texts.append(text)
        self._logprobs += logprobs
        yield events.text_delta(self.place, self._kinds.index("output_text"), text, logprobs)

    def annotate(self, annotations: list[Json]) -> Iterator[Json]:
        """More annotations of the text."""
        yield from self._part("output_text")
        for annotation in annotations:
            index = self._kinds.index("output_text")
            yield events.annotation_added(self.place, index, len(self._annotations), annotation)
            self._annotations.append(annotation)

    def refuse(self, text: str) -> Iterator[Json]:
        """More of a refusal."""
        yield from self._part("refusal")
        self._refusals.append(text)
        yield events.refusal_delta(self.place, self._kinds.index("refusal"), text)

    def whole(self) -> Json:
        return message_item(self.place.item_id, [self._whole_part(kind) for kind in self._kinds])

    def _part(self, kind: str) -> Iterator[Json]:
        if kind not in self._kinds:
            self._kinds.append(kind)
            yield events.part_opened(self.place, len(self._kinds) - 1, self._whole_part(kind))

    def _whole_part(self, kind: str) -> Json:
        if kind == "refusal":
            return refusal_part("".join(self._refusals))
        return text_part("".join(self._texts), list(self._annotations), list(self._logprobs))


class LiveCall(LiveItem):
    def __init__(self, place: Place, given_id: str | None, made_id: str) -> None:
        """`given_id` is the provider's; `made_id` is ours, for one that gives none."""
        super().__init__(place)
        self.given_id = given_id
        self._call_id = given_id or made_id
        self._name = ""
        self._arguments: list[str] = []
        self._rest: Json = {}

    def know(self, part: Json) -> None:
        """What a fragment says of the call beside its arguments. Some servers repeat the name in every fragment."""
        self._name = self._name or text_in(object_in(part, "function"), "name")
        self._rest |= rest_of_call(part)

    def say(self, arguments: str) -> Iterator[Json]:
        """More of the arguments."""
        self._arguments.append(arguments)
        yield events.arguments_delta(self.place, arguments)

    def whole(self) -> Json:
        item = call_item(self.place.item_id, self._call_id, self._name)
        return {**self._rest, **item, "arguments": "".join(self._arguments)}
