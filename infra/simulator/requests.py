"""A chat request as the simulator understands it, whichever API it came by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from infra.simulator.errors import ApiError, ErrorKind, invalid, missing


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `attachments` are its parts that are no text (images, tool calls), each as canonical JSON."""

    role: str
    text: str
    attachments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What determines the answer (`max_tokens` None: no limit; `choices`: how many) and how it is to be delivered."""

    model: str
    turns: tuple[Turn, ...]
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    choices: int = 1
    stream: bool = False
    include_usage: bool = False


def load_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body; ApiError 400 when it is none."""
    try:
        loaded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f"We could not parse the JSON body of your request: {error}."
        raise ApiError(ErrorKind.INVALID_REQUEST, message) from error
    if not isinstance(loaded, dict):
        raise ApiError(ErrorKind.INVALID_REQUEST, "The JSON body of your request must be an object.")
    return loaded


def read_model(body: Mapping[str, Any]) -> str:
    """The model's name; ApiError 400 when it is absent, empty or no string."""
    model = body.get("model")
    if model is None:
        raise missing("model")
    if not isinstance(model, str) or not model:
        raise invalid("model", "expected a non-empty string", "invalid_type")
    return model


def read_integer(body: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """An optional whole number between `low` and `high`; ApiError 400 for anything else."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise invalid(name, f"expected an integer, but got {value!r:.40}", "invalid_type")
    if not low <= value <= high:
        raise invalid(name, f"expected a value from {low} to {high}, but got {value}")
    return value


def read_flag(body: Mapping[str, Any], name: str, where: str = "") -> bool:
    """An optional boolean, absent or null being false; ApiError 400 for anything else."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(where + name, "expected a boolean", "invalid_type")
    return bool(value)


def read_strings(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """An optional list of non-empty strings; ApiError 400 for anything else."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise invalid(name, "expected an array of non-empty strings", "invalid_type")
    return tuple(value)


def read_turns(body: Mapping[str, Any], roles: frozenset[str]) -> tuple[Turn, ...]:
    """The messages, at least one; ApiError 400, naming the place, for what is no message."""
    messages = body.get("messages")
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, list):
        raise invalid("messages", "expected an array of objects", "invalid_type")
    if not messages:
        raise invalid("messages", "expected at least one message, but got an empty array", "empty_array")
    return tuple(_turn(message, f"messages[{index}]", roles) for index, message in enumerate(messages))


def _turn(message: object, where: str, roles: frozenset[str]) -> Turn:
    if not isinstance(message, dict):
        raise invalid(where, "expected an object", "invalid_type")
    role = message.get("role")
    if role not in roles:
        raise invalid(f"{where}.role", f"expected one of {', '.join(sorted(roles))}, but got {role!r:.40}")
    text, attachments = read_content(message.get("content"), f"{where}.content", optional=role == "assistant")
    if calls := message.get("tool_calls"):
        attachments = (*attachments, _canonical(calls))
    return Turn("system" if role == "developer" else role, text, attachments)


def read_content(content: object, where: str, *, optional: bool = False) -> tuple[str, tuple[bytes, ...]]:
    """The text of a message's content, its text parts joined by newlines, and the parts that are no text."""
    if isinstance(content, str):
        return content, ()
    if content is None and optional:
        return "", ()
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise invalid(where, "expected a string or an array of content parts", "invalid_type")
    texts = [part["text"] for part in content if _is_text(part)]
    return "\n".join(texts), tuple(_canonical(part) for part in content if not _is_text(part))


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "text" and isinstance(part.get("text"), str)


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
