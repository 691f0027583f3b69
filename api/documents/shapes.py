"""The JSON of files, stores, documents and batches, as OpenAI's SDK reads it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from api.served import Json
from infra.index.documents import DocumentStatus
from infra.index.file_batches import Batch
from infra.index.files import FileInfo
from infra.index.store_documents import StoreDocument
from infra.index.stores import Holding, Store, StoreSettings

_COMPLETED, _IN_PROGRESS, _EXPIRED = "completed", "in_progress", "expired"
_FILE_ERRORS = {
    "unsupported_type": "unsupported_file",
    **dict.fromkeys(("encrypted", "corrupt", "empty", "too_large", "timeout", "crashed"), "invalid_file"),
}
"""What `ingestion.parsing.errors.UnparsableCode` is in OpenAI's words; all else is no fault of the file."""


def file_object(file: FileInfo) -> Json:
    """types/file_object.py. A file is usable as soon as it is stored, and kept until it is deleted."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size,
        "created_at": seconds(file.created_at),
        "expires_at": None,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def store_object(store: Store, holding: Holding) -> Json:
    """types/vector_store.py, and what we know more: how its documents are cut and embedded, and who may see them."""
    expired = _EXPIRED if store.is_expired() else None
    busy = _IN_PROGRESS if holding.documents.get(DocumentStatus.IN_PROGRESS) else _COMPLETED
    return {
        "id": store.id,
        "object": "vector_store",
        "created_at": seconds(store.created_at),
        "name": store.name,
        "description": store.settings.description,
        "usage_bytes": holding.usage_bytes,
        "file_counts": file_counts(holding.documents),
        "status": expired or busy,
        "expires_after": store.expires_after,
        "expires_at": None if store.expires_at is None else seconds(store.expires_at),
        "last_active_at": seconds(store.last_active_at),
        "metadata": dict(store.metadata),
        "embedding_model": store.settings.embedding_model,
        "chunking_strategy": chunking_strategy(store.settings),
        "confidential": store.confidential,
        "keep_versions": store.settings.keep_versions,
    }


def store_file_object(store: Store, document: StoreDocument) -> Json:
    """types/vector_stores/vector_store_file.py; and its name, which is ours."""
    return {
        "id": document.id,
        "object": "vector_store.file",
        "created_at": seconds(document.created_at),
        "vector_store_id": store.id,
        "filename": document.filename,
        "status": document.status,
        "last_error": last_error(document),
        "usage_bytes": document.usage_bytes,
        "attributes": dict(document.attributes),
        "chunking_strategy": chunking_strategy(store.settings),
    }


def document_object(document: StoreDocument) -> Json:
    """A document as we have it: the hash of the content that is wanted, and the error's own code."""
    error = {"code": document.error_code, "message": document.error_message}
    return {
        "id": document.id,
        "object": "vector_store.document",
        "created_at": seconds(document.created_at),
        "filename": document.filename,
        "sha256": document.sha256.hex(),
        "status": document.status,
        "last_error": error if document.status == DocumentStatus.FAILED else None,
        "attributes": dict(document.attributes),
        "chunks": document.chunks,
        "usage_bytes": document.usage_bytes,
    }


def last_error(document: StoreDocument) -> Json | None:
    """Why it has failed, by one of OpenAI's three codes; None where it has not."""
    if document.status != DocumentStatus.FAILED:
        return None
    code = _FILE_ERRORS.get(document.error_code or "", "server_error")
    return {"code": code, "message": document.error_message or ""}


def batch_object(batch: Batch, documents: Mapping[str, int]) -> Json:
    """types/vector_stores/vector_store_file_batch.py; `documents` counts by status."""
    counts = file_counts(documents)
    status = _COMPLETED if counts["failed"] < counts["total"] else DocumentStatus.FAILED.value
    if batch.cancelled_at is not None:
        status = DocumentStatus.CANCELLED.value
    elif counts[_IN_PROGRESS]:
        status = _IN_PROGRESS
    return {
        "id": batch.id,
        "object": "vector_store.files_batch",
        "created_at": seconds(batch.created_at),
        "vector_store_id": batch.store_id,
        "status": status,
        "file_counts": counts,
    }


def chunking_strategy(settings: StoreSettings) -> Json:
    """types/static_file_chunking_strategy_object.py: a store cuts all of its documents alike."""
    static = {"max_chunk_size_tokens": settings.chunk_tokens, "chunk_overlap_tokens": settings.chunk_overlap}
    return {"type": "static", "static": static}


def file_counts(documents: Mapping[str, int]) -> Json:
    """How many documents there are of each status."""
    return {**{status.value: documents.get(status, 0) for status in DocumentStatus}, "total": sum(documents.values())}


def page(data: Sequence[Json], *, more: bool) -> Json:
    """A page of a list, with the cursors of its ends."""
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"object": "list", "data": list(data), "has_more": more, **ends}


def deleted(object_id: str, kind: str) -> Json:
    """What a delete answers."""
    return {"id": object_id, "object": kind, "deleted": True}


def seconds(moment: datetime) -> int:
    """Since 1970, as OpenAI's timestamps are."""
    return int(moment.timestamp())
