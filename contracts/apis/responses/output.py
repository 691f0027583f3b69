"""The items of an output, out of what a chat completion's message says."""

from contracts.apis.answered import list_in, object_in, object_of, text_in
from contracts.apis.fields import Json
from contracts.apis.messages_to_chat.said import reasoning_in
from contracts.apis.responses.ids import call_id, item_id
from contracts.apis.responses.thinking import sealed

_COMPLETED = "completed"
_INCOMPLETE = "incomplete"
_BEFORE_AN_ANSWER = ("reasoning", "file_search_call")
_OF_A_CALL = ("id", "type", "index", "function")


def output_items(message: Json, logprobs: list[Json], response_id: str, *, incomplete: bool) -> list[Json]:
    """Reasoning, then the message, then the calls: a completion doesn't say in which order they came.

    Thinking that is hidden comes last, because in a stream it is known last. `incomplete` is whether there would be
    more. Raises `KeyError` or `TypeError` for a message of another shape.
    """
    items: list[Json] = []
    text, blocks = reasoning_in(message), list_in(message, "thinking_blocks")
    reasoning = reasoning_item(item_id("reasoning", response_id, 0), [text] if text else [], blocks)
    if text:
        items.append(reasoning)
    if content := _content(message, logprobs):
        items.append(message_item(item_id("message", response_id, 0), content))
    for number, called in enumerate(list_in(message, "tool_calls")):
        call, function = object_of(called), object_of(called["function"])
        given_id = text_in(call, "id") or call_id(response_id, number)
        item = call_item(item_id("function_call", response_id, number), given_id, text_in(function, "name"))
        items.append({**rest_of_call(call), **item, "arguments": text_in(function, "arguments")})
    if blocks and not text:
        items.append(reasoning)
    return cut_off(items) if incomplete else items


def cut_off(items: list[Json]) -> list[Json]:
    """The items of an answer that broke off: the last that was said or called is incomplete, or else the thinking."""
    said = [index for index, item in enumerate(items) if item["type"] not in _BEFORE_AN_ANSWER]
    thought = [index for index, item in enumerate(items) if item["type"] == "reasoning"]
    last = (said or thought or [-1])[-1]
    return [{**item, "status": _INCOMPLETE} if index == last else item for index, item in enumerate(items)]


def text_of(said: Json) -> str:
    """The text of a message or a delta; Mistral's reasoning models send it as a list of parts."""
    content = said.get("content")
    if not isinstance(content, list):
        return text_in(said, "content")
    return "".join(text_in(part, "text") for part in map(object_of, content) if part.get("type") == "text")


def reasoning_item(of: str, summaries: list[str], blocks: list[Json]) -> Json:
    """A reasoning item with id `of`. The text is its summary: OpenAI takes no reasoning item back that has content."""
    return {
        "id": of,
        "type": "reasoning",
        "summary": [summary_part(text) for text in summaries],
        "encrypted_content": sealed(blocks),
        "status": _COMPLETED,
    }


def message_item(of: str, content: list[Json]) -> Json:
    """An assistant's message with id `of`."""
    return {"id": of, "type": "message", "role": "assistant", "content": content, "status": _COMPLETED}


def call_item(of: str, called: str, name: str) -> Json:
    """A function call with id `of`; `called` is the id that its output is to name."""
    return {
        "id": of,
        "type": "function_call",
        "call_id": called,
        "name": name,
        "arguments": "",
        "status": _COMPLETED,
    }


def summary_part(text: str) -> Json:
    """One part of a reasoning item's summary."""
    return {"type": "summary_text", "text": text}


def text_part(text: str, annotations: list[Json], logprobs: list[Json]) -> Json:
    """A part of a message's content that is text."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def refusal_part(text: str) -> Json:
    """A part of a message's content that says no."""
    return {"type": "refusal", "refusal": text}


def rest_of_call(call: Json) -> Json:
    """What else a provider says of a call and wants to hear again (Gemini's `extra_content`)."""
    return {name: value for name, value in call.items() if name not in _OF_A_CALL and value is not None}


def annotations_of(message: Json) -> list[Json]:
    """A chat nests what an annotation says under its type; a Response doesn't."""
    made: list[Json] = []
    for annotation in map(object_of, list_in(message, "annotations")):
        nested = annotation.get(annotation["type"])
        made.append({"type": annotation["type"], **(nested if isinstance(nested, dict) else annotation)})
    return made


def logprobs_of(choice: Json) -> list[Json]:
    """The log probabilities of a choice's text, in the shape that an output text has them."""
    return [_logprob(token) for token in map(object_of, list_in(object_in(choice, "logprobs"), "content"))]


def _logprob(token: Json) -> Json:
    top = [{**one, "bytes": one.get("bytes") or []} for one in map(object_of, list_in(token, "top_logprobs"))]
    return {**token, "bytes": token.get("bytes") or [], "top_logprobs": top}


def _content(message: Json, logprobs: list[Json]) -> list[Json]:
    parts: list[Json] = []
    annotations = annotations_of(message)
    if (text := text_of(message)) or annotations:
        parts.append(text_part(text, annotations, logprobs))
    if refusal := text_in(message, "refusal"):
        parts.append(refusal_part(refusal))
    return parts
