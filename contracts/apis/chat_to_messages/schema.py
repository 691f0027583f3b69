"""A JSON schema as Anthropic's structured outputs take it.

They refuse a schema with a keyword that they can't hold the model to, where OpenAI takes more. As the `anthropic` SDK
does for its own callers (`anthropic.transform_schema`), such keywords become part of the description.
"""

from typing import Any

from contracts.apis.asked import object_at
from contracts.apis.fields import Json, invalid

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
_KEPT = frozenset({"type", "enum", "const", "title", "description", "required", "default", "$ref"})
_NAMED = ("$defs", "definitions", "properties")
_LISTED = ("anyOf", "allOf")


def constrained(schema: Json, path: str) -> Json:
    """The schema for Anthropic: objects are closed, `oneOf` is `anyOf`, other constraints are told in words.

    Raises `PenstockError` with `path` where something inside is no schema.
    """
    try:
        return _constrained(schema, path)
    except RecursionError as error:
        raise invalid(path, "is nested too deeply") from error


def _constrained(schema: object, path: str) -> Json:
    schema = object_at(schema, path)
    if "$ref" in schema:
        return {name: _inside(name, schema[name], path) for name in ("$defs", "definitions", "$ref") if name in schema}
    kept: Json = {}
    told: Json = {}
    for name, value in schema.items():
        if name == "oneOf" and "anyOf" not in schema:
            kept["anyOf"] = _inside("anyOf", value, path)
        elif name in _KEPT or name in _NAMED or name in _LISTED or name == "items" or _is_held(name, value):
            kept[name] = _inside(name, value, path)
        elif name != "additionalProperties" or isinstance(value, dict):
            told[name] = value
    if schema.get("type") == "object" or "properties" in schema:
        kept["additionalProperties"] = False
    if told:
        words = "{" + ", ".join(f"{name}: {value}" for name, value in told.items()) + "}"
        kept["description"] = f"{kept['description']}\n\n{words}" if kept.get("description") else words
    return kept


def _is_held(name: str, value: object) -> bool:
    if name == "format":
        return isinstance(value, str) and value in _FORMATS
    return name == "minItems" and value in (0, 1)


def _inside(name: str, value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    if name in _NAMED:
        return {key: _constrained(item, path) for key, item in object_at(value, path).items()}
    if name in _LISTED and isinstance(value, list):
        return [_constrained(item, path) for item in value]
    return _constrained(value, path) if name == "items" else value
