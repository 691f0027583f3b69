"""The items of a request's input: as they are stored and listed, and as they are carried into the next request."""

from collections.abc import Mapping

from contracts.apis.asked import object_at
from contracts.apis.fields import Json, invalid
from contracts.apis.responses.ids import item_id
from contracts.apis.responses.nulls import given

_WITH_STATUS = ("message", "function_call", "function_call_output")


def listed(request: Json) -> list[Json]:
    """The input as a list of items, each as the caller wrote it; a string is a user's message.

    Raises `PenstockError` (`invalid_request`) for an input that is neither text nor a list of objects.
    """
    match request.get("input"):
        case None:
            return []
        case str() as text:
            return [{"type": "message", "role": "user", "content": text}]
        case list() as items:
            return [object_at(item, f"input[{index}]") for index, item in enumerate(items)]
        case _:
            raise invalid("input", "must be text or a list of items")


def kind_of(item: Json) -> str:
    """The type of an item, also of those that may leave it out: messages and references. Empty where it has none."""
    if isinstance(kind := item.get("type"), str):
        return kind
    if "role" in item:
        return "message"
    return "item_reference" if "id" in item else ""


def input_items(request: Json, id_seed: str) -> list[Json]:
    """The request's input as `GET /v1/responses/{id}/input_items` lists it.

    Every item has a type and an id (made from `id_seed`, the Response's id, where the caller gave none); messages have
    a list of content parts. Raises `PenstockError` (`invalid_request`) like `listed`.
    """
    return [_whole(item, id_seed, index) for index, item in enumerate(listed(request))]


def continued(request: Json, before: list[Json], output: list[Json]) -> Json:
    """The request with what went before in its input: the previous Response's input items, its output, then its own.

    Both lists are as they were stored. The previous instructions are not carried over: OpenAI says so of
    `instructions`. Raises `PenstockError` (`invalid_request`) like `listed`.
    """
    earlier = [_as_input(item) for item in (*before, *output)]
    return {**request, "input": [*earlier, *listed(request)]}


def referenced(request: Json) -> list[str]:
    """The ids of the items that the input only refers to, in order."""
    ids = (item.get("id") for item in listed(request) if kind_of(item) == "item_reference")
    return [one for one in ids if isinstance(one, str)]


def resolved(request: Json, known: Mapping[str, Json]) -> Json:
    """The request with the items themselves in place of the references to them; an id that isn't known stays."""
    items = listed(request)
    if not any(kind_of(item) == "item_reference" for item in items):
        return request
    return {**request, "input": [_resolved(item, known) for item in items]}


def _resolved(item: Json, known: Mapping[str, Json]) -> Json:
    reference = item.get("id") if kind_of(item) == "item_reference" else None
    return _as_input(known[reference]) if isinstance(reference, str) and reference in known else item


def _whole(item: Json, id_seed: str, index: int) -> Json:
    kind = kind_of(item)
    whole = {**item, "id": item.get("id") or item_id(kind, id_seed, f"in{index}"), "type": kind}
    if kind in _WITH_STATUS:
        whole["status"] = item.get("status") or "completed"
    if kind == "message":
        whole["content"] = _parts(item)
    return whole


def _parts(message: Json) -> object:
    content = message.get("content")
    if not isinstance(content, str):
        return content
    if message.get("role") == "assistant":
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]


def _as_input(item: Json) -> Json:
    kept = given(item)
    if kind_of(item) == "reasoning":
        # OpenAI answers with a status there, and refuses one.
        kept.pop("status", None)
    if isinstance(content := kept.get("content"), list):
        kept["content"] = [_without_logprobs(part) for part in content]
    return kept


def _without_logprobs(part: object) -> object:
    return {name: value for name, value in part.items() if name != "logprobs"} if isinstance(part, dict) else part
