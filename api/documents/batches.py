"""/v1/vector_stores/{store}/file_batches: uploaded files that are put into a store together, in the batch lane."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from api.documents.file_access import require_files
from api.documents.paging import page_in, paging_of
from api.documents.rules import CreateBatch
from api.documents.shapes import batch_object, page, store_file_object
from api.documents.store_files import require_same_chunks, status_of
from api.documents.submitting import Submitter
from api.gateway import Gateway
from api.served import Call, Json, refused, require_lane
from contracts.filters import Scalar
from contracts.subjects import Lane
from infra.index.documents import Documents, DocumentStatus
from infra.index.file_batches import Batch, FileBatches
from infra.index.store_documents import StoreDocument, StoreDocuments
from infra.index.stores import Store, Stores

Held: TypeAlias = Mapping[str, StoreDocument]


class BatchEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._stores = Stores(gateway.documents)
        self._batches = FileBatches(gateway.documents)
        self._held = StoreDocuments(gateway.documents)
        self._documents = Documents(gateway.documents)
        self._submitter = Submitter(gateway)

    async def create(self, call: Call) -> Json:
        """POST"""
        asked = await call.body(CreateBatch)
        require_lane(call.principal, Lane.BATCH)
        store = await self._stores.resolve(call.tenant, call.in_path["store"])
        wanted, param = wanted_of(asked, store)
        await require_files(self._held, call, list(wanted), param)
        chosen = await self._submitter.choose(call.tenant, wanted, param)
        batch = await self._batches.create(call.tenant, store.id, list(wanted))
        await self._submitter.submit_files(call, store, chosen, Lane.BATCH)
        return await self._shown(call, batch)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{batch}"""
        _, batch = await self._asked_for(call)
        return await self._shown(call, batch)

    async def cancel(self, call: Call) -> Json:
        """POST …/{batch}/cancel: what has not been indexed yet is taken out of the store again."""
        store, batch = await self._asked_for(call)
        held = await self._of(call, batch)
        await self._batches.cancel(call.tenant, batch.id)
        if begun := unfinished(held):
            await self._documents.delete(call.tenant, store.id, begun)
        return await self._shown(call, await self._batches.find(call.tenant, store.id, batch.id))

    async def files(self, call: Call) -> Json:
        """GET …/{batch}/files: `filter`, `limit`, `order`, `after`, `before`."""
        paging, status = paging_of(call.query), status_of(call.query)
        store, batch = await self._asked_for(call)
        held = await self._of(call, batch)
        shown = [each for each in files_of(store, batch, held) if status in (None, each["status"])]
        data, more = page_in(shown, paging)
        return page(data, more=more)

    async def _asked_for(self, call: Call) -> tuple[Store, Batch]:
        store = await self._stores.resolve(call.tenant, call.in_path["store"])
        return store, await self._batches.find(call.tenant, store.id, call.in_path["batch"])

    async def _of(self, call: Call, batch: Batch) -> Held:
        return await self._held.find_all(call.tenant, batch.store_id, batch.document_ids)

    async def _shown(self, call: Call, batch: Batch) -> Json:
        return batch_object(batch, statuses_of(batch, await self._of(call, batch)))


def wanted_of(asked: CreateBatch, store: Store) -> tuple[dict[str, Mapping[str, Scalar]], str]:
    """The files' ids with the attributes of each, and the field that names them.

    Raises `PenstockError` (`invalid_request`) unless they are named in one of two ways, and are to be cut as the store
    cuts.
    """
    if (asked.file_ids is None) == (asked.files is None):
        raise refused("file_ids: a batch has either file_ids or files", "file_ids")
    require_same_chunks(store, asked.chunking_strategy, "chunking_strategy")
    if asked.files is None:
        return {file_id: asked.attributes or {} for file_id in asked.file_ids or ()}, "file_ids"
    for number, each in enumerate(asked.files):
        require_same_chunks(store, each.chunking_strategy, f"files[{number}].chunking_strategy")
    return {each.file_id: each.attributes or {} for each in asked.files}, "files"


def statuses_of(batch: Batch, held: Held) -> Counter[str]:
    """How many files are how far. One that is not in the store any more was cancelled, by whomever."""
    return Counter(held[each].status if each in held else DocumentStatus.CANCELLED.value for each in batch.document_ids)


def unfinished(held: Held) -> list[str]:
    """The documents of which nothing can be found yet, and may be soon."""
    return [each.id for each in held.values() if each.status == DocumentStatus.IN_PROGRESS and not each.is_indexed]


def files_of(store: Store, batch: Batch, held: Held) -> list[Json]:
    """The oldest first, and those that are there no more as they were asked for."""
    return [
        store_file_object(store, held[each]) if each in held else _cancelled(store, batch, each)
        for each in batch.document_ids
    ]


def _cancelled(store: Store, batch: Batch, document_id: str) -> Json:
    gone = StoreDocument(
        id=document_id,
        filename="",
        attributes={},
        sha256=b"",
        file_id=document_id,
        created_at=batch.created_at,
        submitted_at=batch.created_at,
        status=DocumentStatus.CANCELLED,
        error_code=None,
        error_message=None,
        is_indexed=False,
        chunks=0,
        usage_bytes=0,
    )
    return store_file_object(store, gone)
