"""JSON schemas that are said in several places, as one; and what a malformed keyword counts as: as absent."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from infra.simulator.errors import ApiError, ErrorKind

_TIGHTER_UP = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_TIGHTER_DOWN = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_MAX_STEPS = 32


def unsatisfiable(problem: str) -> ApiError:
    """The 400 for a schema that no value was found for."""
    return ApiError(ErrorKind.INVALID_REQUEST, f"Invalid schema: {problem}.", code="invalid_json_schema")


def mapping(schema: Mapping[str, Any], keyword: str) -> Mapping[str, Any]:
    """A keyword's object, empty where there is none."""
    value = schema.get(keyword)
    return value if isinstance(value, Mapping) else {}


def listed(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    """A keyword's array, empty where there is none."""
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


def number(schema: Mapping[str, Any], keyword: str) -> float | None:
    """A keyword's number, None where there is none."""
    value = schema.get(keyword)
    return value if is_number(value) else None


def count(schema: Mapping[str, Any], keyword: str, default: int) -> int:
    """A keyword's whole number, `default` where there is none."""
    value = number(schema, keyword)
    return default if value is None else int(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def resolved(schema: object, root: Mapping[str, Any], steps: int = 0) -> Mapping[str, Any]:
    """A schema without `$ref` and `allOf` on its own level; ApiError 400 for a reference that leads nowhere."""
    if schema is True:
        return {}
    if not isinstance(schema, Mapping):
        raise unsatisfiable(f"{schema!r:.40} allows nothing")
    found: Mapping[str, Any] = schema
    while "$ref" in found or "allOf" in found:
        steps += 1
        if steps > _MAX_STEPS:
            raise unsatisfiable("its references lead in a circle")
        parts = [_target(found["$ref"], root)] if "$ref" in found else listed(found, "allOf")
        done = "$ref" if "$ref" in found else "allOf"
        found = {name: value for name, value in found.items() if name != done}
        for part in parts:
            found = merged(resolved(part, root, steps), found)
    return found


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema that is as strict as both; where they differ in what has no stricter one, the other's word counts."""
    both: dict[str, Any] = dict(one)
    for keyword, value in other.items():
        both[keyword] = _combined(keyword, both[keyword], value) if keyword in both else value
    return both


def _combined(keyword: str, one: Any, other: Any) -> Any:  # noqa: ANN401  # a keyword's value is of any shape
    combined = other
    if keyword in ("anyOf", "oneOf") and isinstance(one, list) and one != other:
        combined = [{"allOf": [branch, {keyword: other}]} for branch in one]
    elif keyword == "properties" and isinstance(one, Mapping) and isinstance(other, Mapping):
        shared = one.keys() & other.keys()
        combined = {**one, **other, **{name: {"allOf": [one[name], other[name]]} for name in shared}}
    elif keyword == "items":
        combined = {"allOf": [one, other]}
    elif keyword == "type":
        combined = _common_type(one, other)
    elif keyword == "required" and isinstance(one, list) and isinstance(other, list):
        combined = [*one, *(name for name in other if name not in one)]
    elif keyword == "enum" and isinstance(one, list) and isinstance(other, list):
        combined = [value for value in one if value in other]
    elif keyword in _TIGHTER_UP and is_number(one) and is_number(other):
        combined = max(one, other)
    elif keyword in _TIGHTER_DOWN and is_number(one) and is_number(other):
        combined = min(one, other)
    return combined


def _common_type(one: object, other: object) -> object:
    ones = one if isinstance(one, list) else [one]
    others = other if isinstance(other, list) else [other]
    shared = [kind for kind in ones if kind in others]
    if not shared and {"integer", "number"} <= {str(kind) for kind in (*ones, *others)}:
        return "integer"
    return shared or other


def _target(reference: object, root: Mapping[str, Any]) -> object:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise unsatisfiable(f"the reference {reference!r:.80} leads out of it")
    found: Any = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, Mapping) and name in found:
            found = found[name]
        else:
            raise unsatisfiable(f"the reference {reference!r:.80} leads nowhere")
    return found
