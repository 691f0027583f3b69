"""The pieces that the OpenAPI document is put together from. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]
REF = "#/components/schemas/"
JSON = "application/json"


def operation(
    name: str, summary: str, answer: str, *parameters: Json, body: str | None = None, status: int = 200
) -> Json:
    """An operation that answers with JSON; `answer` and `body` are names of schemas."""
    asked = {} if body is None else {"requestBody": {"content": {JSON: schema(body)}}}
    answered = {str(status): {"description": summary, "content": {JSON: schema(answer)}}}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        **asked,
        "responses": {**answered, **ERRORS},
    }


def schema(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"schema": {"$ref": REF + name}}


ERRORS: Json = {
    "default": {"description": "Why not, in the API's own shape.", "content": {JSON: schema("Error")}},
}
"""What any operation may answer besides."""


def in_header(name: str, description: str, about: Json, *, required: bool) -> Json:
    """A parameter in a header."""
    return {"name": name, "in": "header", "required": required, "description": description, "schema": about}


def in_path(name: str) -> Json:
    """A parameter in the path: text."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def in_query(name: str, about: Json) -> Json:
    """A parameter behind the path."""
    return {"name": name, "in": "query", "schema": about}


def paging(most: int = 100, *cursors: str) -> tuple[Json, ...]:
    """Of a list in pages; the cursor `after` is always there."""
    return (
        in_query("limit", {"type": "integer", "minimum": 1, "maximum": most}),
        in_query("order", {"enum": ["asc", "desc"]}),
        *(in_query(name, {"type": "string"}) for name in ("after", *cursors)),
    )


def objects(required: Mapping[str, Iterable[str]]) -> Json:
    """Schemas of objects by name, each with the fields that it always has."""
    return {name: {"type": "object", "required": list(fields)} for name, fields in required.items()}
