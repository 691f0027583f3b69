"""Reading what a provider answered: an absent or null field is empty, one of another type is a `TypeError`."""

from typing import Any

from contracts.apis.fields import Json


def object_of(value: object) -> Json:
    """A JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"an object was due, not {type(value).__name__}")
    return value


def object_in(holder: Json, name: str) -> Json:
    """The object under `name`."""
    value = holder.get(name)
    return {} if value is None else object_of(value)


def list_in(holder: Json, name: str) -> list[Any]:
    """The list under `name`."""
    value = holder.get(name)
    if value is not None and not isinstance(value, list):
        raise TypeError(f"{name} must be a list, not {type(value).__name__}")
    return value or []


def text_in(holder: Json, name: str) -> str:
    """The string under `name`."""
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    return value or ""


def count_in(holder: Json, name: str) -> int:
    """The number of something under `name`."""
    value = holder.get(name)
    if value is not None and not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    return value or 0
