"""The events of a Response's stream, before they are numbered: which there are, and in which order they come.

An item is added empty, is filled by deltas, and is done whole. `openai.types.responses.ResponseStreamEvent` has the
shapes; the SDK's accumulator (`openai.lib.streaming.responses`) asks for an item before its parts, for a part before
its deltas, and for no other id in the end.
"""

from collections.abc import Iterator
from typing import NamedTuple

from contracts.apis.answered import list_in, object_of
from contracts.apis.fields import Json
from contracts.apis.responses.output import refusal_part, summary_part, text_part

_ENDINGS = frozenset({"completed", "incomplete", "failed"})


class Place(NamedTuple):
    """Where an item stands in the output."""

    output_index: int
    item_id: str


class Numbered:
    """Gives the events of one stream their numbers, from 0 without a gap."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, event: Json) -> Json:
        numbered = {"type": event["type"], "sequence_number": self._next, **event}
        self._next += 1
        return numbered


def event(kind: str, **fields: object) -> Json:
    """`response.<kind>`."""
    return {"type": f"response.{kind}", **fields}


def at(place: Place, kind: str, **fields: object) -> Json:
    """`response.<kind>` of the item at `place`."""
    return event(kind, **place._asdict(), **fields)


def begun(response: Json) -> list[Json]:
    """How every stream begins; `response` is in progress and has no output."""
    return [event("created", response=response), event("in_progress", response=response)]


def ended(response: Json) -> Json:
    """How it ends. Raises `ValueError` for a Response that has not ended, or not with an answer."""
    if (status := response["status"]) not in _ENDINGS:
        raise ValueError(f"a {status} Response has no last event")
    return event(status, response=response)


def opened(place: Place, item: Json) -> Json:
    """The item, still empty."""
    return event("output_item.added", output_index=place.output_index, item=_emptied(item))


def part_opened(place: Place, index: int, part: Json) -> Json:
    """A part of a message, or of an item's raw reasoning, still empty."""
    return at(place, "content_part.added", content_index=index, part=_emptied_part(part))


def summary_opened(place: Place, index: int) -> Json:
    """A part of a reasoning item's summary, still empty."""
    return at(place, "reasoning_summary_part.added", summary_index=index, part=summary_part(""))


def text_delta(place: Place, index: int, delta: str, logprobs: list[Json]) -> Json:
    """More of an output text."""
    return at(place, "output_text.delta", content_index=index, delta=delta, logprobs=logprobs)


def refusal_delta(place: Place, index: int, delta: str) -> Json:
    """More of a refusal."""
    return at(place, "refusal.delta", content_index=index, delta=delta)


def annotation_added(place: Place, content_index: int, index: int, annotation: Json) -> Json:
    """An annotation of an output text."""
    fields = {"content_index": content_index, "annotation_index": index, "annotation": annotation}
    return at(place, "output_text.annotation.added", **fields)


def summary_delta(place: Place, index: int, delta: str) -> Json:
    """More of a reasoning item's summary."""
    return at(place, "reasoning_summary_text.delta", summary_index=index, delta=delta)


def arguments_delta(place: Place, delta: str) -> Json:
    """More of a function call's arguments."""
    return at(place, "function_call_arguments.delta", delta=delta)


def searched(place: Place) -> Iterator[Json]:
    """How a search goes that has been made."""
    for state in ("in_progress", "searching", "completed"):
        yield at(place, f"file_search_call.{state}")


def closed(place: Place, item: Json) -> Iterator[Json]:
    """The parts of an item, each whole, and the item. Raises `KeyError` for one of another shape."""
    match item["type"]:
        case "message":
            for index, part in enumerate(map(object_of, list_in(item, "content"))):
                yield from part_closed(place, index, part)
        case "reasoning":
            for index, part in enumerate(map(object_of, list_in(item, "summary"))):
                yield from summary_closed(place, index, part)
            for index, part in enumerate(map(object_of, list_in(item, "content"))):
                yield from part_closed(place, index, part)
        case "function_call":
            yield at(place, "function_call_arguments.done", arguments=item["arguments"])
    yield done(place, item)


def done(place: Place, item: Json) -> Json:
    """The item, whole."""
    return event("output_item.done", output_index=place.output_index, item=item)


def summary_closed(place: Place, index: int, part: Json) -> Iterator[Json]:
    """One part of a reasoning item's summary, whole."""
    yield at(place, "reasoning_summary_text.done", summary_index=index, text=part["text"])
    yield at(place, "reasoning_summary_part.done", summary_index=index, part=part)


def part_closed(place: Place, index: int, part: Json) -> Iterator[Json]:
    """One part of an item's content, whole."""
    match part["type"]:
        case "output_text":
            logprobs = part.get("logprobs") or []
            yield at(place, "output_text.done", content_index=index, text=part["text"], logprobs=logprobs)
        case "refusal":
            yield at(place, "refusal.done", content_index=index, refusal=part["refusal"])
        case "reasoning_text":
            yield at(place, "reasoning_text.done", content_index=index, text=part["text"])
    yield at(place, "content_part.done", content_index=index, part=part)


def _emptied(item: Json) -> Json:
    match item["type"]:
        case "message":
            return {**item, "content": [], "status": "in_progress"}
        case "reasoning":
            bare = {name: value for name, value in item.items() if name not in ("content", "encrypted_content")}
            return {**bare, "summary": [], "status": "in_progress"}
        case "function_call":
            return {**item, "arguments": "", "status": "in_progress"}
        case "file_search_call":
            return {**item, "results": None, "status": "in_progress"}
        case _:
            return item


def _emptied_part(part: Json) -> Json:
    match part["type"]:
        case "output_text":
            return text_part("", [], [])
        case "refusal":
            return refusal_part("")
        case _:
            return {**part, "text": ""}
