"""/v1/vector_stores"""

from api.documents.paging import paging_of
from api.documents.rules import CreateStore, UpdateStore
from api.documents.shapes import deleted, page, store_object
from api.documents.store_settings import changes_of, require_local, settings_of
from api.documents.submitting import Submitter
from api.gateway import Gateway
from api.served import Call, Json, require_allowed_model, require_lane, require_new_store
from contracts.filters import Scalar
from contracts.subjects import Lane
from infra.index.stores import Store, Stores


class StoreEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stores = Stores(gateway.documents)
        self._submitter = Submitter(gateway)

    async def create(self, call: Call) -> Json:
        """POST /v1/vector_stores, with the files in it that are named."""
        asked = await call.body(CreateStore)
        require_new_store(call.principal)
        if asked.embedding_model is not None:
            require_allowed_model(call.principal, asked.embedding_model, "embedding_model")
        if asked.file_ids:
            require_lane(call.principal, Lane.BATCH)
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
        paging, name, only = paging_of(call.query), call.query.get("name"), call.principal.stores
        stores, more = await self._stores.list(call.tenant, paging, name, only)
        holdings = await self._stores.holdings(call.tenant, [each.id for each in stores])
        return page([store_object(each, holdings[each.id]) for each in stores], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET /v1/vector_stores/{store}"""
        return await self._shown(await self._stores.resolve(call.tenant, call.in_path["store"]))

    async def update(self, call: Call) -> Json:
        """POST /v1/vector_stores/{store}"""
        asked = await call.body(UpdateStore)
        store = await self._stores.resolve(call.tenant, call.in_path["store"])
        if asked.confidential:
            require_local(store.settings.embedding_model, self._gateway.catalog.current, "confidential")
        changes, settings = changes_of(asked)
        return await self._shown(await self._stores.update(call.tenant, store.id, changes, settings))

    async def delete(self, call: Call) -> Json:
        """DELETE /v1/vector_stores/{store}: with its documents and its index; uploaded files stay."""
        store = await self._stores.resolve(call.tenant, call.in_path["store"])
        await self._stores.delete(call.tenant, store.id)
        return deleted(store.id, "vector_store.deleted")

    async def _shown(self, store: Store) -> Json:
        return store_object(store, (await self._stores.holdings(store.tenant_id, [store.id]))[store.id])
