"""A store's versions and re-indexes in the OpenAPI document. Pure."""

from typing import Final

from pydantic import BaseModel

from api.openapi_parts import Json, in_path, in_query, objects, operation, paging
from api.reindexing.rules import StartReindex

BODIES: Final[tuple[type[BaseModel], ...]] = (StartReindex,)
"""The rules whose schemas are referred to."""

_STORE, _VERSION, _JOB = in_path("store"), in_path("version"), in_path("job")
_OBJECTS = {
    "IndexVersion": ("id", "object", "state", "model", "revision", "dimension", "chunker", "chunks", "documents"),
    "ReindexJob": ("id", "object", "store_id", "version", "state", "done", "failed", "pending", "total"),
}


def paths() -> Json:
    """Every path of `api.reindexing.routes`."""
    store = "/v1/vector_stores/{store}"
    dropped = in_query("dropped", {"enum": ["true", "false"]})
    return {
        f"{store}/versions": {"get": operation("listVersions", "Past, live, next.", "List", _STORE, dropped)},
        f"{store}/versions/{{version}}": {
            "delete": operation("deleteVersion", "What it took is given back.", "Deleted", _STORE, _VERSION)
        },
        f"{store}/rollback": {"post": operation("rollback", "The version that is live now.", "IndexVersion", _STORE)},
        f"{store}/reindex": {
            "post": operation("startReindex", "It is ordered.", "ReindexJob", _STORE, body="StartReindex", status=202),
            "get": operation("listReindexes", "The newest first.", "Page", _STORE, *paging(100, "before")),
        },
        f"{store}/reindex/{{job}}": {
            "get": operation("retrieveReindex", "How far it has come.", "ReindexJob", _STORE, _JOB)
        },
        **{
            f"{store}/reindex/{{job}}/{name}": {
                "post": operation(f"{name}Reindex", "What was wished.", "ReindexJob", _STORE, _JOB)
            }
            for name in ("pause", "resume", "cancel")
        },
    }


def schemas() -> Json:
    """Of what is answered."""
    return objects(_OBJECTS)
