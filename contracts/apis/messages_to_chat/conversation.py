"""Anthropic's system prompt and turns as the messages of a chat."""

import hashlib

from contracts.apis import arguments
from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.fields import Fields, Json, invalid
from contracts.apis.messages_to_chat.content import compact, parts_of, parts_of_block, texts_of

_FAILED = "Error: "
"""Before the result of a tool that failed: a chat has no other mark for it."""
_SHOWN_NEXT = "The result is in the next message."
"""For a result without text: a tool message can't carry an image or a file, so the user's message after it does."""
_LONGEST_ID = 40
"""Characters that OpenAI allows; the calls of other models have longer ones."""
_REASONING = ("thinking", "redacted_thinking")


def conversation(system: object, messages: object, fields: Fields) -> list[Json]:
    """The messages, the system prompt first. Raises `PenstockError` with the path of what is wrong or can't be told."""
    made: list[Json] = []
    if system is not None:
        made += _system(system, "system")
    for index, item in enumerate(list_at(messages, "messages")):
        path = f"messages[{index}]"
        message = object_at(item, path)
        role = text_at(message.get("role"), f"{path}.role")
        content, path = message.get("content"), f"{path}.content"
        match role:
            case "user":
                made += _user(content, path, fields)
            case "assistant":
                made.append(_assistant(content, path, fields))
            case "system":
                made += _system(content, path)
            case _:
                raise invalid(f"messages[{index}].role", "must be user, assistant or system")
    return made


def _system(content: object, path: str) -> list[Json]:
    parts = texts_of(content, path)
    return [{"role": "system", "content": compact(parts)}] if parts else []


def _user(content: object, path: str, fields: Fields) -> list[Json]:
    """The results of tools, a message each, and then one message with all the rest, if there is any.

    A chat wants every call answered before anything else is said.
    """
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    results: list[Json] = []
    shown: list[Json] = []
    said: list[Json] = []
    for index, item in enumerate(list_at(content, path)):
        block_path = f"{path}[{index}]"
        block = object_at(item, block_path)
        if block.get("type") == "tool_result":
            result, more = _tool_result(block, block_path, fields)
            results.append(result)
            shown += more
        else:
            said += parts_of_block(block, block_path, fields)
    said = shown + said
    return [*results, {"role": "user", "content": compact(said)}] if said or not results else results


def _tool_result(block: Json, path: str, fields: Fields) -> tuple[Json, list[Json]]:
    """The tool message, and the parts that it can't carry."""
    content = block.get("content")
    parts = parts_of(content, f"{path}.content", fields) if content is not None else []
    texts = [part for part in parts if part["type"] == "text"]
    shown = [part for part in parts if part["type"] != "text"]
    text = compact(texts) if texts or not shown else _SHOWN_NEXT
    call = _id(block.get("tool_use_id"), f"{path}.tool_use_id")
    failed = _FAILED if block.get("is_error") is True else ""
    return {"role": "tool", "tool_call_id": call, "content": f"{failed}{text}"}, shown


def _assistant(content: object, path: str, fields: Fields) -> Json:
    """Blocks of text are one text that a model said in pieces, so nothing is put between them.

    Its thinking is left out: it is signed for the model that thought it, and chat has no field in which another's is
    taken back.
    """
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    text = ""
    calls: list[Json] = []
    for index, item in enumerate(list_at(content, path)):
        block_path = f"{path}[{index}]"
        block = object_at(item, block_path)
        kind = text_at(block.get("type"), f"{block_path}.type")
        if kind == "text":
            text += text_at(block.get("text"), f"{block_path}.text")
        elif kind == "tool_use":
            calls.append(_tool_call(block, block_path))
        elif kind not in _REASONING:
            fields.cannot(f"{block_path}.type")
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": text or None, "tool_calls": calls}


def _tool_call(block: Json, path: str) -> Json:
    try:
        given = arguments.write(object_at(block.get("input"), f"{path}.input"))
    except ValueError as error:
        raise invalid(f"{path}.input", "is nothing that JSON can say") from error
    function = {"name": text_at(block.get("name"), f"{path}.name"), "arguments": given}
    return {"id": _id(block.get("id"), f"{path}.id"), "type": "function", "function": function}


def _id(value: object, path: str) -> str:
    """The id of a call, in the call and in its result alike."""
    text = text_at(value, path)
    return (
        text
        if len(text) <= _LONGEST_ID
        else hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_LONGEST_ID]
    )
