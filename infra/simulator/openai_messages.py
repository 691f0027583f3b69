"""The messages of an OpenAI chat completion as turns, refused where OpenAI refuses them."""

from collections.abc import Mapping
from typing import Any

import orjson

from infra.simulator.errors import ApiError, ErrorKind, invalid
from infra.simulator.fields import as_object, as_objects, as_string, canonical, read_messages, read_word
from infra.simulator.media import (
    IMAGE_TYPES,
    check_media_type,
    check_url,
    inline_media,
    linked_media,
    read_data_uri,
)
from infra.simulator.requests import Turn

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
# Blocks of Anthropic's API and of OpenAI's own responses, which chat completions don't take.
_FOREIGN = frozenset(
    {"image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"}
    | {"input_text", "input_image", "input_file", "output_text", "summary_text", "reasoning_text"}
)
_DETAILS = frozenset({"auto", "low", "high", "original"})


def read_turns(body: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The conversation; ApiError 400, naming the place, for what is no message or a tool result without its call."""
    turns: list[Turn] = []
    offered: set[str] = set()
    awaited: set[str] = set()
    for index, message in enumerate(read_messages(body, _ROLES)):
        where = f"messages[{index}]"
        if message["role"] == "tool":
            awaited.discard(_answered_call(message, where, index, offered))
        else:
            _check_answered(awaited)
            offered = set(_call_ids(message, where))
            awaited = set(offered)
        turns.append(_turn(message, where))
    _check_answered(awaited)
    return tuple(turns)


def _answered_call(message: Mapping[str, Any], where: str, index: int, offered: set[str]) -> str:
    call_id = as_string(message.get("tool_call_id"), f"{where}.tool_call_id")
    if not offered:
        problem = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
        raise _refused(problem, f"messages.[{index}].role")
    if call_id not in offered:
        problem = f"'tool_call_id' of '{call_id}' not found in 'tool_calls' of previous message."
        raise _refused(problem, f"messages.[{index}].tool_call_id")
    return call_id


def _check_answered(awaited: set[str]) -> None:
    if awaited:
        raise ApiError(
            ErrorKind.INVALID_REQUEST,
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            " 'tool_call_id'. The following tool_call_ids did not have response messages:"
            f" {', '.join(sorted(awaited))}",
            param="messages",
        )


def _refused(problem: str, param: str) -> ApiError:
    return ApiError(ErrorKind.INVALID_REQUEST, f"Invalid parameter: {problem}", param=param)


def _calls(message: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    return as_objects(message.get("tool_calls"), f"{where}.tool_calls") if message["role"] == "assistant" else []


def _call_ids(message: Mapping[str, Any], where: str) -> list[str]:
    return [
        as_string(call.get("id"), f"{where}.tool_calls[{index}].id")
        for index, call in enumerate(_calls(message, where))
    ]


def _turn(message: Mapping[str, Any], where: str) -> Turn:
    role = message["role"]
    text, attachments = _content(message.get("content"), f"{where}.content", optional=role == "assistant")
    calls = tuple(_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(_calls(message, where)))
    return Turn("system" if role == "developer" else role, text, attachments, calls)


def _call(call: Mapping[str, Any], where: str) -> bytes:
    function = as_object(call.get("function"), f"{where}.function")
    name = as_string(function.get("name"), f"{where}.function.name")
    arguments = as_string(function.get("arguments"), f"{where}.function.arguments")
    try:
        return canonical({"name": name, "arguments": orjson.loads(arguments)})
    except orjson.JSONDecodeError:
        # A model may have been cut in the middle of its arguments; OpenAI takes them back as they are.
        return canonical({"name": name, "arguments": arguments})


def _content(content: object, where: str, *, optional: bool) -> tuple[str, tuple[bytes, ...]]:
    if isinstance(content, str):
        return content, ()
    if content is None and optional:
        return "", ()
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise invalid(where, "expected a string or an array of content parts", "invalid_type")
    texts: list[str] = []
    attachments: list[bytes] = []
    for index, part in enumerate(content):
        place = f"{where}[{index}]"
        match part.get("type"):
            case "text" | "refusal" as kind:
                texts.append(as_string(part.get(kind), f"{place}.{kind}"))
            case _:
                attachments.append(_attachment(part, place))
    return "\n".join(texts), tuple(attachments)


def _attachment(part: Mapping[str, Any], where: str) -> bytes:
    match part.get("type"):
        case "image_url":
            return _image(as_object(part.get("image_url"), f"{where}.image_url"), f"{where}.image_url")
        case "file":
            return _file(as_object(part.get("file"), f"{where}.file"), f"{where}.file")
        case "input_audio":
            return canonical(as_object(part.get("input_audio"), f"{where}.input_audio"))
        case str(kind) if kind not in _FOREIGN:
            # The API learns new kinds: one that is newer than this page is an attachment like any other.
            return canonical(part)
        case kind:
            raise invalid(f"{where}.type", f"it is no content part of a message: {kind!r:.40}")


def _image(image: Mapping[str, Any], where: str) -> bytes:
    url = as_string(image.get("url"), f"{where}.url")
    read_word(image, "detail", _DETAILS, f"{where}.")
    if not url.startswith("data:"):
        check_url(url, f"{where}.url")
        return linked_media("image", url)
    media_type, data = read_data_uri(url, f"{where}.url")
    check_media_type(media_type, IMAGE_TYPES, f"{where}.url")
    return inline_media("image", media_type, data)


def _file(file: Mapping[str, Any], where: str) -> bytes:
    if file.get("file_data") is None:
        return canonical({"kind": "document", "file_id": as_string(file.get("file_id"), f"{where}.file_id")})
    media_type, data = read_data_uri(as_string(file["file_data"], f"{where}.file_data"), f"{where}.file_data")
    return inline_media("document", media_type, data)
