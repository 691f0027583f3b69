"""Usage in the OpenAPI document. Pure."""

from api.openapi_parts import ERRORS, JSON, Json, in_query, objects, schema
from api.usage.asked import FORMATS, MOST
from api.usage.endpoint import CSV
from infra.usage.question import BUCKETS, DIMENSIONS

_TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 128}}


def paths() -> Json:
    """GET /v1/usage"""
    parameters = [
        in_query("start", {"type": "string", "format": "date-time"}),
        in_query("end", {"type": "string", "format": "date-time"}),
        in_query("bucket", {"enum": list(BUCKETS)}),
        {**in_query("group_by", {"type": "array", "items": {"enum": [*DIMENSIONS, "tag:team"]}}), "explode": False},
        *(in_query(name, _TEXTS) for name in DIMENSIONS),
        in_query("tag", {"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z]{1,8}=[A-Za-z0-9]{1,8}$"}}),
        in_query("format", {"enum": list(FORMATS)}),
        in_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST}),
        in_query("after", {"type": "string"}),
    ]
    content = {JSON: schema("Usage"), CSV: {"schema": {"type": "string"}}}
    return {
        "/v1/usage": {
            "get": {
                "operationId": "reportUsage",
                "summary": "What was used, summed up.",
                "parameters": parameters,
                "responses": {"200": {"description": "Sums.", "content": content}, **ERRORS},
            }
        }
    }


def schemas() -> Json:
    """Of what is answered."""
    return objects(
        {"Usage": ("object", "start", "end", "bucket", "group_by", "data", "total", "has_more", "next_page")}
    )
