"""What a request says of how a store is to be. Pure."""

from typing import Any

from api.documents.rules import ChunkingStrategy, CreateStore, UpdateStore
from api.served import refused
from infra.catalog import Catalog
from infra.index.stores import StoreSettings


def settings_of(asked: CreateStore, catalog: Catalog, keep_versions: int) -> StoreSettings:
    """How the store's documents are to be cut and embedded; `keep_versions` is what counts where nothing is said.

    Raises `PenstockError` (`invalid_request`) for a model that nobody offers, and for sizes that don't fit.
    """
    usual = StoreSettings()
    model = asked.embedding_model or usual.embedding_model
    require_model(model, catalog, confidential=asked.confidential)
    tokens, overlap = sizes_of(asked.chunking_strategy, "chunking_strategy") or (
        usual.chunk_tokens,
        usual.chunk_overlap,
    )
    kept = keep_versions if asked.keep_versions is None else asked.keep_versions
    return StoreSettings(model, tokens, overlap, kept, asked.description)


def require_model(model: str, catalog: Catalog, *, confidential: bool) -> None:
    """Raises `PenstockError` (`invalid_request`) for an embedding model that nobody offers, or one that a confidential
    store can't have.
    """
    if model != StoreSettings().embedding_model and not _is_built_in(model) and catalog.resolve(model) is None:
        raise refused(f"embedding_model: there is no model «{model}»", "embedding_model")
    if confidential:
        require_local(model, catalog, "embedding_model")


def sizes_of(strategy: ChunkingStrategy | None, param: str) -> tuple[int, int] | None:
    """The tokens of a chunk, and of the overlap; None where the choice is left to us. `param` is the field's path.

    Raises `PenstockError` (`invalid_request`) for sizes that are absent where they must be there, or don't fit.
    """
    if strategy is None or (strategy.type == "auto" and strategy.static is None):
        return None
    static = strategy.static
    if static is None or strategy.type == "auto":
        said = "must say the sizes" if static is None else "goes with the type «static» only"
        raise refused(f"{param}.static: {said}", f"{param}.static")
    if static.chunk_overlap_tokens > static.max_chunk_size_tokens // 2:
        overlap = f"{param}.static.chunk_overlap_tokens"
        raise refused(f"{overlap}: must be at most half of max_chunk_size_tokens", overlap)
    return static.max_chunk_size_tokens, static.chunk_overlap_tokens


def changes_of(asked: UpdateStore) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns and the settings that are to change. Null takes away what may be absent."""
    given = {name: value for name, value in asked.model_dump().items() if name in asked.model_fields_set}
    empty: dict[str, Any] = {"name": "", "metadata": {}, "confidential": False, "keep_versions": 1}
    given = {name: empty.get(name) if value is None else value for name, value in given.items()}
    settings = {name: value for name, value in given.items() if name in ("description", "keep_versions")}
    return {name: value for name, value in given.items() if name not in settings}, settings


def require_local(model: str, catalog: Catalog, param: str) -> None:
    """Raises `PenstockError` (`invalid_request`) for a model that might show a confidential store's texts to somebody
    outside, if only as a fallback.
    """
    if not _is_built_in(model) and not _is_local(model, catalog, frozenset()):
        message = f"{param}: a confidential store's texts stay in the house, and «{model}» is not only there"
        raise refused(message, param)


def _is_local(name: str, catalog: Catalog, seen: frozenset[str]) -> bool:
    model = catalog.resolve(name)
    if model is None or any(catalog.residency(deployment) != "local" for deployment in model.deployments):
        return False
    others = {*model.fallbacks, *model.context_window_fallbacks} - seen
    return all(_is_local(other, catalog, seen | {name} | others) for other in others)


def _is_built_in(model: str) -> bool:
    from ingestion.embedding import BUILT_IN

    return model.partition(":")[0] in BUILT_IN
