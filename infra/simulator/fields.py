"""Reading the fields of a request's body. What is wrong is an ApiError 400 that names the field."""

from collections.abc import Mapping
from typing import Any

import orjson

from infra.simulator.errors import ApiError, ErrorKind, invalid, missing


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


def read_model(body: Mapping[str, Any], default: str = "") -> str:
    """The model's name, `default` where it is absent; ApiError 400 when it is absent, empty or no string."""
    model = body.get("model")
    if model is None and default:
        return default
    if model is None:
        raise missing("model")
    if not isinstance(model, str) or not model:
        raise invalid("model", "expected a non-empty string", "invalid_type")
    return model


def read_integer(body: Mapping[str, Any], name: str, low: int, high: int, where: str = "") -> int | None:
    """An optional whole number between `low` and `high`; ApiError 400 for anything else."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise invalid(where + name, f"expected an integer, but got {value!r:.40}", "invalid_type")
    if not low <= value <= high:
        raise invalid(where + name, f"expected a value from {low} to {high}, but got {value}")
    return value


def read_flag(body: Mapping[str, Any], name: str, where: str = "", *, default: bool = False) -> bool:
    """An optional boolean, `default` where it is absent or null; ApiError 400 for anything else."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(where + name, "expected a boolean", "invalid_type")
    return default if value is None else value


def read_strings(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """An optional list of non-empty strings; ApiError 400 for anything else."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise invalid(name, "expected an array of non-empty strings", "invalid_type")
    return tuple(value)


def read_word(body: Mapping[str, Any], name: str, allowed: frozenset[str], where: str = "") -> str | None:
    """An optional string out of a few; ApiError 400 for anything else."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise invalid(where + name, f"expected one of {', '.join(sorted(allowed))}, but got {value!r:.40}")
    return value


def as_string(value: object, where: str) -> str:
    """A required string; ApiError 400 for anything else."""
    if value is None:
        raise missing(where)
    if not isinstance(value, str):
        raise invalid(where, "expected a string", "invalid_type")
    return value


def as_object(value: object, where: str) -> dict[str, Any]:
    """A required object; ApiError 400 for anything else."""
    if value is None:
        raise missing(where)
    if not isinstance(value, dict):
        raise invalid(where, "expected an object", "invalid_type")
    return value


def as_objects(value: object, where: str) -> list[dict[str, Any]]:
    """A list of objects, absent or null being none; ApiError 400 for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(where, "expected an array of objects", "invalid_type")
    return [as_object(item, f"{where}[{index}]") for index, item in enumerate(value)]


def read_messages(body: Mapping[str, Any], roles: frozenset[str]) -> list[dict[str, Any]]:
    """The messages, at least one, each an object of a known role; ApiError 400, naming the place, for anything else."""
    messages = body.get("messages")
    if messages is None:
        raise missing("messages")
    if messages == []:
        raise invalid("messages", "expected at least one message, but got an empty array", "empty_array")
    found = as_objects(messages, "messages")
    for index, message in enumerate(found):
        role = message.get("role")
        if not isinstance(role, str) or role not in roles:
            known = ", ".join(sorted(roles))
            raise invalid(f"messages[{index}].role", f"expected one of {known}, but got {role!r:.40}")
    return found


def canonical(value: object) -> bytes:
    """A JSON value in the one form that equal values share; ApiError 400 for one that is nested too deeply."""
    return as_json(value, orjson.OPT_SORT_KEYS)


def as_json(value: object, option: int = 0) -> bytes:
    """A JSON value as text; ApiError 400 for what can be read but not written: too deep, or too large a number."""
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError as error:
        raise ApiError(ErrorKind.INVALID_REQUEST, f"A value of your request can't be handled: {error}.") from error
