"""/v1/vector_stores"""

from typing import Any

from api.documents.paging import paging_of
from api.documents.rules import ChunkingStrategy, CreateStore, UpdateStore
from api.documents.shapes import deleted, page, store_object
from api.documents.submitting import Submitter
from api.gateway import Gateway
from api.served import Call, Json, refused
from contracts.filters import Scalar
from contracts.subjects import Lane
from infra.catalog import Catalog
from infra.index.stores import Store, Stores, StoreSettings


class StoreEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stores = Stores(gateway.documents)
        self._submitter = Submitter(gateway)

    async def create(self, call: Call) -> Json:
        """POST /v1/vector_stores, with the files in it that are named."""
        asked = await call.body(CreateStore)
        settings = settings_of(asked, self._gateway.catalog.current, self._gateway.settings.keep_versions)
        wanted: dict[str, dict[str, Scalar]] = {file_id: {} for file_id in asked.file_ids or ()}
        chosen = await self._submitter.choose(call.tenant, wanted, "file_ids")
        store = await self._stores.create(
            call.tenant,
            name=asked.name or "",
            metadata=asked.metadata or {},
            settings=settings,
            expires_after=None if asked.expires_after is None else asked.expires_after.model_dump(),
            confidential=asked.confidential,
        )
        await self._submitter.submit_files(call, store, chosen, Lane.BATCH)
        return await self._shown(store)

    async def list(self, call: Call) -> Json:
        """GET /v1/vector_stores: `limit`, `order`, `after`, `before`; and `name`, which is ours."""
        stores, more = await self._stores.list(call.tenant, paging_of(call.query), call.query.get("name"))
        holdings = await self._stores.holdings(call.tenant, [each.id for each in stores])
        return page([store_object(each, holdings[each.id]) for each in stores], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET /v1/vector_stores/{store}"""
        return await self._shown(await self._stores.resolve(call.tenant, call.in_path["store"]))

    async def update(self, call: Call) -> Json:
        """POST /v1/vector_stores/{store}"""
        asked = await call.body(UpdateStore)
        store = await self._stores.resolve(call.tenant, call.in_path["store"])
        changes, settings = changes_of(asked)
        return await self._shown(await self._stores.update(call.tenant, store.id, changes, settings))

    async def delete(self, call: Call) -> Json:
        """DELETE /v1/vector_stores/{store}: with its documents and its index; uploaded files stay."""
        store = await self._stores.resolve(call.tenant, call.in_path["store"])
        await self._stores.delete(call.tenant, store.id)
        return deleted(store.id, "vector_store.deleted")

    async def _shown(self, store: Store) -> Json:
        return store_object(store, (await self._stores.holdings(store.tenant_id, [store.id]))[store.id])


def settings_of(asked: CreateStore, catalog: Catalog, keep_versions: int) -> StoreSettings:
    """How the store's documents are to be cut and embedded; `keep_versions` is what counts where nothing is said.

    Raises `PenstockError` (`invalid_request`) for a model that nobody offers, and for sizes that don't fit.
    """
    usual = StoreSettings()
    model = asked.embedding_model or usual.embedding_model
    require_model(model, catalog)
    tokens, overlap = sizes_of(asked.chunking_strategy, "chunking_strategy") or (
        usual.chunk_tokens,
        usual.chunk_overlap,
    )
    kept = keep_versions if asked.keep_versions is None else asked.keep_versions
    return StoreSettings(model, tokens, overlap, kept, asked.description)


def require_model(model: str, catalog: Catalog) -> None:
    """Raises `PenstockError` (`invalid_request`) for an embedding model that nobody offers."""
    if model != StoreSettings().embedding_model and not _is_built_in(model) and catalog.resolve(model) is None:
        raise refused(f"embedding_model: there is no model «{model}»", "embedding_model")


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


def _is_built_in(model: str) -> bool:
    from ingestion.embedding import BUILT_IN

    return model.partition(":")[0] in BUILT_IN
