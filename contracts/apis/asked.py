"""Reading what a caller asked: the type that is due, or the error that names the field.

Each raises `PenstockError` (`invalid_request`) with the path that it was given.
"""

from typing import Any

from contracts.apis.fields import Json, invalid


def object_at(value: object, path: str) -> Json:
    """A JSON object."""
    if not isinstance(value, dict):
        raise invalid(path, "must be an object")
    return value


def list_at(value: object, path: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise invalid(path, "must be a list")
    return value


def text_at(value: object, path: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise invalid(path, "must be a string")
    return value


def number_at(value: object, path: str) -> float:
    """A number, whole or not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid(path, "must be a number")
    return value


def whole_number_at(value: object, path: str) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(path, "must be a whole number")
    return value
