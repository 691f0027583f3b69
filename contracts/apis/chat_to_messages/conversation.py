"""The messages of a chat as Anthropic's system prompt and turns."""

import re

from contracts.apis import arguments
from contracts.apis.asked import list_at, object_at, text_at
from contracts.apis.chat_to_messages.content import (
    OF_ASSISTANT,
    OF_SYSTEM,
    OF_TOOL,
    OF_USER,
    blocks_of,
    marked,
    text_blocks,
)
from contracts.apis.fields import Fields, Json, invalid

_NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_THINKING = {"thinking": ("type", "thinking", "signature"), "redacted_thinking": ("type", "data")}
"""The fields of the blocks, which Anthropic wants back as they were."""


def conversation(messages: object, fields: Fields) -> tuple[list[Json], list[Json]]:
    """The blocks of the system prompt, and the turns: roles alternate, `content` is a list of blocks.

    System and developer messages all go into the one system prompt, wherever they stand: most models have no other
    place for them. Raises `PenstockError` with the path of the message that is wrong or can't be asked.
    """
    system: list[Json] = []
    turns: list[Json] = []
    for index, item in enumerate(list_at(messages, "messages")):
        path = f"messages[{index}]"
        message = object_at(item, path)
        match text_at(message.get("role"), f"{path}.role"):
            case "system" | "developer":
                system += _said(message, OF_SYSTEM, path, fields)
            case "user":
                _take_turn(turns, "user", _said(message, OF_USER, path, fields))
            case "assistant":
                _take_turn(turns, "assistant", _assistant(message, path, fields))
            case "tool":
                _take_turn(turns, "user", [_tool_result(message, path, fields)])
            case "function":
                fields.cannot(f"{path}.role")
            case _:
                raise invalid(f"{path}.role", "is no role of chat completions")
    if not turns:
        raise invalid("messages", "needs at least one message of a user for this model's provider")
    for turn in turns:
        # Anthropic wants the results of tools first in their turn.
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return system, turns


def compact(blocks: list[Json]) -> str | list[Json]:
    """A string instead of a single block of plain text."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return str(blocks[0]["text"])
    return blocks


def _take_turn(turns: list[Json], role: str, blocks: list[Json]) -> None:
    """Anthropic's turns alternate and say something."""
    if blocks and turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    elif blocks:
        turns.append({"role": role, "content": blocks})


def _said(message: Json, kinds: frozenset[str], path: str, fields: Fields) -> list[Json]:
    if message.get("name") is not None:
        fields.cannot(f"{path}.name")
    blocks = blocks_of(message.get("content"), kinds, f"{path}.content", fields)
    return marked(blocks, message.get("cache_control"))


def _tool_result(message: Json, path: str, fields: Fields) -> Json:
    # The name of a tool message repeats what its id says.
    blocks = blocks_of(message.get("content"), OF_TOOL, f"{path}.content", fields)
    result: Json = {"type": "tool_result", "tool_use_id": _id(message.get("tool_call_id"), f"{path}.tool_call_id")}
    if blocks:
        result["content"] = compact(blocks)
    return marked([result], message.get("cache_control"))[0]


def _assistant(message: Json, path: str, fields: Fields) -> list[Json]:
    for name in ("audio", "function_call"):
        if message.get(name) is not None:
            fields.cannot(f"{path}.{name}")
    blocks = _thinking(message.get("thinking_blocks"), f"{path}.thinking_blocks")
    blocks += _said(message, OF_ASSISTANT, path, fields)
    if message.get("refusal") is not None:
        blocks += text_blocks(text_at(message["refusal"], f"{path}.refusal"))
    calls = message.get("tool_calls")
    for index, call in enumerate(list_at(calls, f"{path}.tool_calls") if calls is not None else ()):
        blocks += _tool_use(call, f"{path}.tool_calls[{index}]", fields)
    return blocks


def _thinking(blocks: object, path: str) -> list[Json]:
    """Claude's own reasoning, in the convention of LiteLLM: the caller sends back what `to_completion` gave it.

    `reasoning_content` is not sent back: without its signature Anthropic refuses it. So is a block that has none.
    """
    if blocks is None:
        return []
    kept: list[Json] = []
    for index, item in enumerate(list_at(blocks, path)):
        block = object_at(item, f"{path}[{index}]")
        kind = text_at(block.get("type"), f"{path}[{index}].type")
        if kind not in _THINKING:
            raise invalid(f"{path}[{index}].type", "must be thinking or redacted_thinking")
        if kind == "thinking" and not block.get("signature"):
            continue
        kept.append({name: text_at(block.get(name), f"{path}[{index}].{name}") for name in _THINKING[kind]})
    return kept


def _tool_use(item: object, path: str, fields: Fields) -> list[Json]:
    call = object_at(item, path)
    if call.get("type", "function") != "function":
        fields.cannot(f"{path}.type")
        return []
    function = object_at(call.get("function"), f"{path}.function")
    arguments_path = f"{path}.function.arguments"
    text = text_at(function.get("arguments"), arguments_path)
    try:
        given = arguments.parse(text)
    except ValueError as error:
        raise invalid(arguments_path, "must be a JSON object for this model's provider") from error
    name = text_at(function.get("name"), f"{path}.function.name")
    return marked(
        [{"type": "tool_use", "id": _id(call.get("id"), f"{path}.id"), "name": name, "input": given}],
        call.get("cache_control"),
    )


def _id(value: object, path: str) -> str:
    """The id of a call; Anthropic allows fewer characters than some servers use («functions.add:0»)."""
    text = text_at(value, path)
    if not text:
        raise invalid(path, "must not be empty")
    return _NOT_IN_AN_ID.sub("_", text)
