"""/v1/vector_stores/{store}/files: the documents of a store, as OpenAI has them."""

from collections.abc import Mapping
from typing import Final

from api.documents.file_access import require_files
from api.documents.paging import paging_of
from api.documents.rules import ChunkingStrategy, CreateStoreFile, UpdateStoreFile
from api.documents.shapes import deleted, page, store_file_object
from api.documents.store_settings import sizes_of
from api.documents.submitting import Submitter
from api.gateway import Gateway
from api.served import Call, Json, refused
from contracts.subjects import Lane
from infra.index.documents import Documents, DocumentStatus
from infra.index.store_documents import StoreDocuments
from infra.index.stores import Store, Stores
from infra.index.transaction import not_found

_DELETED: Final = "vector_store.file.deleted"


class StoreFileEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._stores = Stores(gateway.documents)
        self._held = StoreDocuments(gateway.documents)
        self._documents = Documents(gateway.documents)
        self._submitter = Submitter(gateway)

    async def create(self, call: Call) -> Json:
        """POST: an uploaded file, put into the store in the interactive lane."""
        asked = await call.body(CreateStoreFile)
        store = await self._store(call)
        require_same_chunks(store, asked.chunking_strategy, "chunking_strategy")
        await require_files(self._held, call, [asked.file_id], "file_id")
        chosen = await self._submitter.choose(call.tenant, {asked.file_id: asked.attributes or {}}, "file_id")
        await self._submitter.submit_files(call, store, chosen, Lane.INTERACTIVE)
        return store_file_object(store, await self._held.find(call.tenant, store.id, asked.file_id))

    async def list(self, call: Call) -> Json:
        """GET: `filter`, `limit`, `order`, `after`, `before`."""
        paging, status = paging_of(call.query), status_of(call.query)
        store = await self._store(call)
        documents, more = await self._held.page(call.tenant, store.id, paging, status)
        return page([store_file_object(store, each) for each in documents], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{document}"""
        store = await self._store(call)
        return store_file_object(store, await self._held.find(call.tenant, store.id, call.in_path["document"]))

    async def update(self, call: Call) -> Json:
        """POST …/{document}: other attributes, for searches from now on. Nothing is embedded again."""
        asked = await call.body(UpdateStoreFile)
        store, document_id = await self._store(call), call.in_path["document"]
        await self._documents.set_attributes(call.tenant, store.id, document_id, asked.attributes or {})
        return store_file_object(store, await self._held.find(call.tenant, store.id, document_id))

    async def delete(self, call: Call) -> Json:
        """DELETE …/{document}: out of this store; an uploaded file stays."""
        store, document_id = await self._store(call), call.in_path["document"]
        if not await self._documents.delete(call.tenant, store.id, [document_id]):
            raise not_found(f"the document {document_id!r}")
        return deleted(document_id, _DELETED)

    async def content(self, call: Call) -> Json:
        """GET …/{document}/content: its text, as it was parsed and cut."""
        store = await self._store(call)
        document = await self._held.find(call.tenant, store.id, call.in_path["document"])
        texts = await self._held.texts(call.tenant, store.id, document.id)
        data = [{"type": "text", "text": text} for text in texts]
        return {"object": "vector_store.file_content.page", "data": data, "has_more": False, "next_page": None}

    async def _store(self, call: Call) -> Store:
        return await self._stores.resolve(call.tenant, call.in_path["store"])


def require_same_chunks(store: Store, strategy: ChunkingStrategy | None, param: str) -> None:
    """Raises `PenstockError` (`invalid_request`) for a strategy that is not the store's own."""
    own = (store.settings.chunk_tokens, store.settings.chunk_overlap)
    if (sizes_of(strategy, param) or own) == own:
        return
    message = (
        f"{param}: this store cuts all documents alike, into chunks of {own[0]} tokens with an overlap of {own[1]}; "
        f"other sizes need a re-index: POST /v1/vector_stores/{store.id}/reindex"
    )
    raise refused(message, param)


def status_of(query: Mapping[str, str]) -> DocumentStatus | None:
    """The `filter` of a list. Raises `PenstockError` (`invalid_request`) for what is no status."""
    asked = query.get("filter")
    if asked is not None and asked not in DocumentStatus._value2member_map_:
        raise refused(f"filter: must be one of {', '.join(DocumentStatus)}", "filter")
    return None if asked is None else DocumentStatus(asked)
