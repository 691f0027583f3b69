"""How the next version is to be made: what was asked, and for the rest what the store has now."""

from collections.abc import Mapping
from typing import Any

from contracts.errors import ErrorCode, PenstockError
from contracts.reindex import ReindexRequested
from infra.index.stores import StoreSettings
from infra.index.transaction import not_found
from infra.index.version import IndexVersion, VersionState

STAGE = "reindex"
_TOKENIZER = "cl100k_base"


def chunker_of(request: ReindexRequested, settings: StoreSettings, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """The chunker settings of the next version (`ingestion.chunking.ChunkerSettings`); `live` are the live one's.

    Where only the size is asked for, the store's overlap gives way to it. Raises `PenstockError` (`invalid_request`)
    for an overlap of more than half.
    """
    tokens = request.chunk_tokens or settings.chunk_tokens
    overlap = request.chunk_overlap
    if overlap is None:
        overlap = min(settings.chunk_overlap, tokens // 2)
    if overlap > tokens // 2:
        message = f"chunks of {tokens} tokens can't overlap by {overlap}: at most by half"
        raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param="chunk_overlap")
    return {"tokens": tokens, "overlap": overlap, "tokenizer": (live or {}).get("tokenizer", _TOKENIZER)}


def require_fillable(version: IndexVersion, store_id: str) -> IndexVersion:
    """The version. Raises `PenstockError` (`not_found`) for one of another store, or that holds nothing any more."""
    if version.store_id != store_id or version.state in (VersionState.FAILED, VersionState.DROPPED):
        raise not_found(f"the index version {version.id}")
    return version
