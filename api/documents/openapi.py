"""Files, vector stores and documents in the OpenAPI document. Pure."""

from typing import Final

from pydantic import BaseModel

from api.documents.files import PURPOSES
from api.documents.paging import MOST_FILES
from api.documents.rules import CreateStore, UpdateStore
from api.openapi_parts import ERRORS, Json, in_path, in_query, operation, paging

BODIES: Final[tuple[type[BaseModel], ...]] = (CreateStore, UpdateStore)
"""The rules whose schemas are referred to."""

_FILE, _STORE = in_path("file_id"), in_path("store")
_OBJECTS = {
    "File": ("id", "object", "bytes", "created_at", "filename", "purpose", "status"),
    "VectorStore": ("id", "object", "created_at", "name", "status", "file_counts", "usage_bytes", "metadata"),
    "Page": ("object", "data", "has_more", "first_id", "last_id"),
}


def paths() -> Json:
    """Every path of `api.documents.routes`."""
    return {
        "/v1/files": {
            "post": _upload(),
            "get": operation(
                "listFiles", "Files.", "Page", *paging(MOST_FILES), in_query("purpose", {"type": "string"})
            ),
        },
        "/v1/files/{file_id}": {
            "get": operation("retrieveFile", "A file, without its bytes.", "File", _FILE),
            "delete": operation("deleteFile", "It is gone, and out of every store.", "Deleted", _FILE),
        },
        "/v1/files/{file_id}/content": {"get": _download()},
        "/v1/vector_stores": {
            "post": operation("createVectorStore", "A new store.", "VectorStore", body="CreateStore"),
            "get": operation(
                "listVectorStores", "Stores.", "Page", *paging(100, "before"), in_query("name", {"type": "string"})
            ),
        },
        "/v1/vector_stores/{store}": {
            "get": operation("retrieveVectorStore", "A store, by its id or name.", "VectorStore", _STORE),
            "post": operation("updateVectorStore", "As it is now.", "VectorStore", _STORE, body="UpdateStore"),
            "delete": operation("deleteVectorStore", "It is gone, with its documents.", "Deleted", _STORE),
        },
    }


def schemas() -> Json:
    """Of what is answered."""
    return {name: {"type": "object", "required": list(required)} for name, required in _OBJECTS.items()}


def _upload() -> Json:
    fields = {"file": {"type": "string", "format": "binary"}, "purpose": {"enum": list(PURPOSES)}}
    form = {"type": "object", "required": ["file", "purpose"], "properties": fields}
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return {**operation("createFile", "The file that was stored.", "File"), "requestBody": body}


def _download() -> Json:
    answer = {"description": "Its bytes.", "content": {"application/octet-stream": {"schema": {}}}}
    return {**operation("downloadFile", "Its bytes.", "File", _FILE), "responses": {"200": answer, **ERRORS}}
