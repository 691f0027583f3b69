"""A chat completion as Anthropic's message."""

import uuid

from contracts.apis import arguments
from contracts.apis.answered import list_in, object_in, object_of, text_in
from contracts.apis.fields import Json
from contracts.apis.messages_to_chat.said import reasoning_in, text_in_content
from contracts.apis.messages_to_chat.usage import Ending, service_tier, usage_of


def to_message(completion: Json, *, model: str | None = None) -> Json:
    """The message, from the first choice: reasoning, then text, then calls. `model` goes before the completion's.

    Reasoning is a thinking block with an empty signature, because only Claude signs. Arguments that are no JSON object
    are kept under `contracts.apis.arguments.RAW`. What a web search found (`annotations`) has no place: Anthropic's
    citations need the passage. Raises `KeyError`, `TypeError` or `ValueError` for what is no completion.
    """
    choices = list_in(object_of(completion), "choices")
    if not choices:
        raise ValueError("a completion has at least one choice")
    choice = object_of(choices[0])
    said = object_of(choice["message"])
    ending = Ending()
    ending.take(choice, said)
    content: list[Json] = []
    if reasoning := reasoning_in(said):
        content.append({"type": "thinking", "thinking": reasoning, "signature": ""})
    if text := text_in_content(said):
        content.append({"type": "text", "text": text})
    content += [_tool_use(object_of(call)) for call in list_in(said, "tool_calls")]
    return {
        **head_of(completion, model),
        "content": content,
        **ending.fields(),
        "usage": usage_of(object_in(completion, "usage")) | service_tier(completion),
    }


def head_of(answer: Json, model: str | None) -> Json:
    """`id`, `type`, `role` and `model` of the message in a completion or a chunk."""
    return {
        "id": f"msg_{text_in(answer, 'id').removeprefix('chatcmpl-').removeprefix('msg_') or uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model or text_in(answer, "model"),
    }


def call_id(call: Json) -> str:
    """The id of a call; some servers leave it out, and the result could not be told from another's."""
    return text_in(call, "id") or f"toolu_{uuid.uuid4().hex}"


def _tool_use(call: Json) -> Json:
    function = object_of(call["function"])
    given = arguments.parse_answered(text_in(function, "arguments"))
    return {"type": "tool_use", "id": call_id(call), "name": function["name"], "input": given}
