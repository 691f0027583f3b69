"""The JSON of files, stores, documents and batches, as OpenAI's SDK reads it. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from api.served import Json
from infra.index.documents import DocumentStatus
from infra.index.files import FileInfo
from infra.index.stores import Holding, Store, StoreSettings

_COMPLETED, _IN_PROGRESS, _EXPIRED = "completed", "in_progress", "expired"


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
