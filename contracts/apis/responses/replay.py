"""A stored Response, given again: as the events of a stream, and under a new id."""

from collections import Counter
from collections.abc import Iterator

from contracts.apis.answered import list_in, object_of, text_in
from contracts.apis.fields import Json
from contracts.apis.responses import events
from contracts.apis.responses.events import Numbered, Place, at
from contracts.apis.responses.ids import item_id
from contracts.apis.responses.settings import own_settings


def replay_response(response: Json) -> Iterator[Json]:
    """The events of a stream whose last one holds `response`: each text in one delta.

    Raises `KeyError`, `TypeError` or `ValueError` for what is no Response with an answer.
    """
    number = Numbered()
    last = events.ended(response)
    start = {**response, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    start.pop("completed_at", None)
    for event in events.begun({**start, "error": None}):
        yield number(event)
    for index, item in enumerate(map(object_of, response["output"])):
        for event in _item(Place(index, text_in(item, "id")), item):
            yield number(event)
    yield number(last)


def restamped(response: Json, *, response_id: str, created_at: int, request: Json) -> Json:
    """A stored answer as the answer to `request`: its id and those of its items, its time, its settings.

    Calls keep their `call_id`. Raises `KeyError` or `TypeError` for what is no Response.
    """
    return stamped(response, response_id, created_at, own_settings(request))


def stamped(response: Json, response_id: str, created_at: int, own: Json) -> Json:
    """The same with settings that are known. Raises `KeyError` or `TypeError` for what is no Response."""
    changed = {**response, **own, "id": response_id, "created_at": created_at}
    if changed.get("completed_at") is not None:
        changed["completed_at"] = created_at
    counts: Counter[str] = Counter()
    changed["output"] = [_renamed(item, response_id, counts) for item in map(object_of, response["output"])]
    return changed


def _renamed(item: Json, response_id: str, counts: Counter[str]) -> Json:
    kind = item["type"]
    counts[kind] += 1
    return {**item, "id": item_id(kind, response_id, counts[kind] - 1)}


def _item(place: Place, item: Json) -> Iterator[Json]:
    yield events.opened(place, item)
    match item["type"]:
        case "message":
            yield from _content(place, list_in(item, "content"))
        case "reasoning":
            for index, part in enumerate(map(object_of, list_in(item, "summary"))):
                yield events.summary_opened(place, index)
                yield events.summary_delta(place, index, part["text"])
            yield from _content(place, list_in(item, "content"))
        case "function_call":
            yield events.arguments_delta(place, item["arguments"])
        case "file_search_call":
            yield from events.searched(place)
    yield from events.closed(place, item)


def _content(place: Place, content: list[Json]) -> Iterator[Json]:
    for index, part in enumerate(map(object_of, content)):
        yield events.part_opened(place, index, part)
        match part["type"]:
            case "output_text":
                yield events.text_delta(place, index, part["text"], part.get("logprobs") or [])
                for number, annotation in enumerate(part.get("annotations") or ()):
                    yield events.annotation_added(place, index, number, annotation)
            case "refusal":
                yield events.refusal_delta(place, index, part["refusal"])
            case "reasoning_text":
                yield at(place, "reasoning_text.delta", content_index=index, delta=part["text"])
