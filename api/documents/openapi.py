"""Files, vector stores and documents in the OpenAPI document. Pure."""

from typing import Final

from pydantic import BaseModel

from api.documents.files import PURPOSES
from api.documents.paging import MOST, MOST_FILES
from api.documents.rules import (
    MOST_DOCUMENTS,
    CreateBatch,
    CreateStore,
    CreateStoreFile,
    DeleteDocuments,
    RetryDocuments,
    SubmitDocuments,
    UpdateStore,
    UpdateStoreFile,
)
from api.openapi_parts import ERRORS, Json, in_path, in_query, objects, operation, paging
from infra.index.documents import DocumentStatus

BODIES: Final[tuple[type[BaseModel], ...]] = (
    CreateStore,
    UpdateStore,
    CreateStoreFile,
    UpdateStoreFile,
    CreateBatch,
    SubmitDocuments,
    DeleteDocuments,
    RetryDocuments,
)
"""The rules whose schemas are referred to."""

_FILE, _STORE, _BATCH = in_path("file_id"), in_path("store"), in_path("batch")
_FILTER = in_query("filter", {"enum": list(DocumentStatus)})
_TEXT: Json = {"type": "string"}
_AT_STORE = "/v1/vector_stores/{store}"
_OBJECTS = {
    "File": ("id", "object", "bytes", "created_at", "filename", "purpose", "status"),
    "VectorStore": ("id", "object", "created_at", "name", "status", "file_counts", "usage_bytes", "metadata"),
    "VectorStoreFile": ("id", "object", "created_at", "vector_store_id", "status", "last_error", "usage_bytes"),
    "FileBatch": ("id", "object", "created_at", "vector_store_id", "status", "file_counts"),
    "DeletedDocuments": ("deleted",),
    "RetriedDocuments": ("retried",),
    "Page": ("object", "data", "has_more", "first_id", "last_id"),
}


def paths() -> Json:
    """Every path of `api.documents.routes`."""
    return {**_files(), **_stores(), **_store_files(), **_batches(), **_bulk()}


def _files() -> Json:
    purpose = in_query("purpose", _TEXT)
    return {
        "/v1/files": {
            "post": _upload(),
            "get": operation("listFiles", "Files.", "Page", *paging(MOST_FILES), purpose),
        },
        "/v1/files/{file_id}": {
            "get": operation("retrieveFile", "A file, without its bytes.", "File", _FILE),
            "delete": operation("deleteFile", "It is gone, and out of every store.", "Deleted", _FILE),
        },
        "/v1/files/{file_id}/content": {"get": _download()},
    }


def _stores() -> Json:
    name = in_query("name", _TEXT)
    return {
        "/v1/vector_stores": {
            "post": operation("createVectorStore", "A new store.", "VectorStore", body="CreateStore"),
            "get": operation("listVectorStores", "Stores.", "Page", *paging(MOST, "before"), name),
        },
        _AT_STORE: {
            "get": operation("retrieveVectorStore", "A store, by its id or name.", "VectorStore", _STORE),
            "post": operation("updateVectorStore", "As it is now.", "VectorStore", _STORE, body="UpdateStore"),
            "delete": operation("deleteVectorStore", "It is gone, with its documents.", "Deleted", _STORE),
        },
    }


def _store_files() -> Json:
    one, listed = (_STORE, _FILE), (_STORE, *paging(MOST, "before"), _FILTER)
    return {
        f"{_AT_STORE}/files": {
            "post": operation("createStoreFile", "On its way.", "VectorStoreFile", _STORE, body="CreateStoreFile"),
            "get": operation("listStoreFiles", "The documents of a store.", "Page", *listed),
        },
        f"{_AT_STORE}/files/{{file_id}}": {
            "get": operation("retrieveStoreFile", "How far it is.", "VectorStoreFile", *one),
            "post": operation("updateStoreFile", "Other attributes.", "VectorStoreFile", *one, body="UpdateStoreFile"),
            "delete": operation("deleteStoreFile", "It is out of the store.", "Deleted", *one),
        },
        f"{_AT_STORE}/files/{{file_id}}/content": {
            "get": operation("storeFileContent", "Its text, in chunks.", "List", *one)
        },
    }


def _batches() -> Json:
    one, listed = (_STORE, _BATCH), (_STORE, _BATCH, *paging(MOST, "before"), _FILTER)
    at = f"{_AT_STORE}/file_batches"
    return {
        at: {"post": operation("createFileBatch", "On their way.", "FileBatch", _STORE, body="CreateBatch")},
        f"{at}/{{batch}}": {"get": operation("retrieveFileBatch", "How far it is.", "FileBatch", *one)},
        f"{at}/{{batch}}/cancel": {
            "post": operation("cancelFileBatch", "What is not indexed yet is taken out again.", "FileBatch", *one)
        },
        f"{at}/{{batch}}/files": {"get": operation("listBatchFiles", "Its files.", "Page", *listed)},
    }


def _bulk() -> Json:
    at = f"{_AT_STORE}/documents"
    limit = in_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_DOCUMENTS})
    listed = (_STORE, limit, in_query("after", _TEXT), _FILTER)
    return {
        at: {
            "post": operation("submitDocuments", "Accepted.", "List", _STORE, body="SubmitDocuments", status=202),
            "get": operation("listDocuments", "By id.", "Page", *listed),
        },
        f"{at}/delete": {
            "post": operation("deleteDocuments", "How many.", "DeletedDocuments", _STORE, body="DeleteDocuments")
        },
        f"{at}/retry": {
            "post": operation("retryDocuments", "How many.", "RetriedDocuments", _STORE, body="RetryDocuments")
        },
    }


def schemas() -> Json:
    """Of what is answered."""
    return objects(_OBJECTS)


def _upload() -> Json:
    fields = {"file": {"type": "string", "format": "binary"}, "purpose": {"enum": list(PURPOSES)}}
    form = {"type": "object", "required": ["file", "purpose"], "properties": fields}
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return {**operation("createFile", "The file that was stored.", "File"), "requestBody": body}


def _download() -> Json:
    answer = {"description": "Its bytes.", "content": {"application/octet-stream": {"schema": {}}}}
    return {**operation("downloadFile", "Its bytes.", "File", _FILE), "responses": {"200": answer, **ERRORS}}
