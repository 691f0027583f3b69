"""Reading the figures that providers report: what is no whole number of 0 or more counts as none."""

from typing import Any

from contracts.apis.fields import Json


def count(value: object) -> int:
    """`value` where it is a whole number above 0, else 0."""
    return value if isinstance(value, int) and value > 0 else 0


def part(usage: Json, name: str) -> Json:
    """The object `name` of a usage object, empty where there is none."""
    found = usage.get(name)
    return found if isinstance(found, dict) else {}


def text_length(content: Any) -> int:  # noqa: ANN401 - whatever stands where a text or content parts should
    """Characters of a text, or of the texts of a list of content parts, however deep."""
    if isinstance(content, str):
        return len(content)
    if isinstance(content, list):
        return sum(text_length(item.get("text") or item.get("content")) for item in content if isinstance(item, dict))
    return 0
