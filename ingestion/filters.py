"""Filters on a document's attributes, as OpenAI's vector stores take them.

`{"type": "eq", "key": "region", "value": "eu"}`, or several of them under `{"type": "and", "filters": […]}`:
https://platform.openai.com/docs/api-reference/vector-stores/search.
"""

import math
from collections.abc import Mapping
from operator import ge, gt, le, lt
from typing import Any, NoReturn, get_args

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Comparison, Compound, Filter, Junction, Operator, Scalar

MOST_LEVELS = 8
MOST_FILTERS = 128
"""In the whole tree. A person writes a handful; a program that writes more wants another index."""
MOST_VALUES = 256
"""In one list of `in` or `nin`."""
LONGEST_KEY = 64
LONGEST_TEXT = 512
"""In characters, both: what OpenAI allows an attribute to have."""

LARGEST_INTEGER = 2**53
"""Up to there every reader of JSON takes a whole number for the same one (RFC 8259, 6)."""

_ORDER = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_FIELDS = {"comparison": {"type", "key", "value"}, "compound": {"type", "filters"}}


def parse_filter(data: object, *, stage: str, path: str = "filters") -> Filter:
    """A request's filter as a tree of at most 8 levels, 128 filters, 256 values a list.

    Raises `PenstockError` (`invalid_request`) with the path of what is wrong, as in `filters.filters[1].value`.
    """
    return _Reader(stage).read(data, path, 1)


def matches(condition: Filter, attributes: Mapping[str, Scalar]) -> bool:
    """What a filter means; an index has to agree with it.

    Text, numbers and booleans never equal each other, and only text with text or a number with a number has an order,
    that of code points for text. An attribute that is not there equals nothing, so `ne` and `nin` hold for it.
    """
    if isinstance(condition, Compound):
        results = (matches(part, attributes) for part in condition.filters)
        return all(results) if condition.junction == "and" else any(results)
    value = attributes.get(condition.key)
    match condition.operator:
        case "eq" | "in":
            return _is_one_of(value, condition.value)
        case "ne" | "nin":
            return not _is_one_of(value, condition.value)
        case _:
            return _is_in_order(value, condition.operator, condition.value)


class _Reader:
    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._left = MOST_FILTERS

    def read(self, data: object, path: str, level: int) -> Filter:
        self._left -= 1
        if self._left < 0:
            self._refuse(path, f"a filter has at most {MOST_FILTERS} parts")
        if level > MOST_LEVELS:
            self._refuse(path, f"filters stand in each other at most {MOST_LEVELS} levels deep")
        if not isinstance(data, dict):
            self._refuse(path, "a filter is an object with a type")
        kind: Any = data.get("type")
        if kind in get_args(Junction):
            self._refuse_unknown(data, "compound", path)
            return Compound(kind, self._parts(data.get("filters"), f"{path}.filters", level))
        if kind in get_args(Operator):
            self._refuse_unknown(data, "comparison", path)
            return Comparison(self._key(data.get("key"), f"{path}.key"), kind, self._value(kind, data, f"{path}.value"))
        names = ", ".join(get_args(Operator) + get_args(Junction))
        return self._refuse(f"{path}.type", f"the type of a filter is one of {names}")

    def _parts(self, data: object, path: str, level: int) -> tuple[Filter, ...]:
        if not isinstance(data, list) or not data:
            self._refuse(path, "«and» and «or» take a list of at least one filter")
        return tuple(self.read(part, f"{path}[{index}]", level + 1) for index, part in enumerate(data))

    def _key(self, key: object, path: str) -> str:
        if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_KEY:
            self._refuse(path, f"a key is text of 1 to {LONGEST_KEY} characters")
        return self._text(key, path)

    def _value(self, operator: Operator, data: dict[str, Any], path: str) -> Scalar | tuple[Scalar, ...]:
        value = data.get("value")
        if operator in ("in", "nin"):
            if not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
                self._refuse(path, f"«{operator}» takes a list of 1 to {MOST_VALUES} values")
            return tuple(self._scalar(item, f"{path}[{index}]") for index, item in enumerate(value))
        scalar = self._scalar(value, path)
        if isinstance(scalar, bool) and operator not in ("eq", "ne"):
            self._refuse(path, f"«{operator}» takes a number or text: true and false have no order")
        return scalar

    def _scalar(self, value: object, path: str) -> Scalar:
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            self._refuse(path, f"text has at most {LONGEST_TEXT} characters")
        if isinstance(value, str):
            return self._text(value, path)
        if not isinstance(value, bool | int | float):
            self._refuse(path, "a value is text, a number, true or false")
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            self._refuse(path, f"a whole number is at most {LARGEST_INTEGER}")
        if not math.isfinite(value):
            self._refuse(path, "a number is finite")
        return value

    def _text(self, text: str, path: str) -> str:
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse(path, "text holds neither NUL nor halves of surrogate pairs")
        return text

    def _refuse_unknown(self, data: dict[str, Any], kind: str, path: str) -> None:
        unknown = sorted(str(name) for name in data.keys() - _FIELDS[kind])
        if unknown:
            self._refuse(
                f"{path}.{unknown[0]}"[:200], f"a filter of this type has {', '.join(sorted(_FIELDS[kind]))} only"
            )

    def _refuse(self, path: str, message: str) -> NoReturn:
        raise PenstockError(ErrorCode.INVALID_REQUEST, f"{path}: {message}", stage=self._stage, param=path)


def _is_one_of(value: Scalar | None, wanted: Scalar | tuple[Scalar, ...]) -> bool:
    options = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(_type(value) is _type(option) and value == option for option in options)


def _is_in_order(value: Scalar | None, name: str, bound: Scalar | tuple[Scalar, ...]) -> bool:
    if value is None or isinstance(value, bool) or isinstance(bound, tuple) or _type(value) is not _type(bound):
        return False
    return bool(_ORDER[name](value, bound))


def _type(value: Scalar | None) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)
