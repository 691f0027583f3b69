"""/v1/vector_stores/{store}/documents: many documents in one request, under ids of their owner's choice."""

import asyncio
import base64
from collections.abc import Mapping, Sequence

from api.documents.file_access import require_files
from api.documents.grouping import groups_of
from api.documents.paging import limit_of
from api.documents.rules import MOST_DOCUMENTS, DeleteDocuments, NewContent, RetryDocuments, SubmitDocuments
from api.documents.shapes import document_object, page
from api.documents.store_files import status_of
from api.documents.submitting import Accepted, NewDocument, Submitter, no_such_file
from api.gateway import Gateway
from api.served import Call, Json, require_lane
from contracts.subjects import Lane
from infra.index.documents import Documents, DocumentStatus
from infra.index.files import FileContents, FileInfo, Files
from infra.index.store_documents import StoreDocuments
from infra.index.stores import Store, Stores

_USUAL = 100


class BulkEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._stores = Stores(gateway.documents)
        self._files = Files(gateway.documents)
        self._held = StoreDocuments(gateway.documents)
        self._documents = Documents(gateway.documents)
        self._submitter = Submitter(gateway)

    async def submit(self, call: Call) -> Json:
        """POST: what the store holds already as it is, is «completed» and goes nowhere."""
        asked = await call.body(SubmitDocuments)
        require_lane(call.principal, Lane(asked.lane))
        named = [each.file_id for each in asked.documents if each.file_id is not None]
        await require_files(self._held, call, named, "documents")
        store, files = await self._store(call), await self._named(call.tenant, asked.documents)
        accepted: list[Accepted] = []
        for group in groups_of(asked.documents, lambda each: size_of(each, files)):
            named = [each.file_id for each in group if each.file_id is not None]
            contents = await self._files.contents(call.tenant, named) if named else {}
            documents = await asyncio.to_thread(documents_of, group, contents)
            accepted += await self._submitter.submit(call, store, documents, Lane(asked.lane))
        return {"object": "list", "data": [_accepted(each) for each in accepted]}

    async def list(self, call: Call) -> Json:
        """GET: `after`, `limit`, `filter`. In the order of their ids, so `after` need not be one of them."""
        limit, status = limit_of(call.query, _USUAL, MOST_DOCUMENTS), status_of(call.query)
        store, after = await self._store(call), call.query.get("after", "")
        found = await self._held.by_id(call.tenant, store.id, after=after, limit=limit + 1, status=status)
        return page([document_object(each) for each in found[:limit]], more=len(found) > limit)

    async def delete(self, call: Call) -> Json:
        """POST …/delete"""
        asked = await call.body(DeleteDocuments)
        store = await self._store(call)
        return {"deleted": await self._documents.delete(call.tenant, store.id, asked.ids)}

    async def retry(self, call: Call) -> Json:
        """POST …/retry: those named that are not indexed, or all that have failed."""
        asked = await call.body(RetryDocuments)
        store = await self._store(call)
        if asked.ids is None:
            return {"retried": await self._retry_failed(call, store)}
        found = await self._held.find_all(call.tenant, store.id, asked.ids)
        due = [each for each in found.values() if each.status != DocumentStatus.COMPLETED]
        return {"retried": await self._submitter.submit_again(call, store, due)}

    async def _retry_failed(self, call: Call, store: Store) -> int:
        retried, after = 0, ""
        while found := await self._held.by_id(
            call.tenant, store.id, after=after, limit=MOST_DOCUMENTS, status=DocumentStatus.FAILED
        ):
            retried += await self._submitter.submit_again(call, store, found)
            after = found[-1].id
        return retried

    async def _named(self, tenant: str, asked: Sequence[NewContent]) -> Mapping[str, FileInfo]:
        """The files that are named. Raises `PenstockError` (`not_found`) where one is not there."""
        named = {each.file_id: number for number, each in enumerate(asked) if each.file_id is not None}
        found = await self._files.find_all(tenant, list(named)) if named else {}
        for file_id, number in named.items():
            if file_id not in found:
                raise no_such_file(file_id, f"documents[{number}].file_id")
        return found

    async def _store(self, call: Call) -> Store:
        return await self._stores.resolve(call.tenant, call.in_path["store"])


def size_of(document: NewContent, files: Mapping[str, FileInfo]) -> int:
    """The bytes of its content, or nearly."""
    if document.file_id is not None:
        return files[document.file_id].size
    return len(document.text or document.content or "")


def documents_of(asked: Sequence[NewContent], files: Mapping[str, FileContents]) -> list[NewDocument]:
    """With their content, those whose file has been deleted meanwhile left out. A file itself says what type it is."""
    made = []
    for each in asked:
        file = None if each.file_id is None else files.get(each.file_id)
        name, media_type = each.filename, each.media_type
        if file is not None:
            name, media_type, content = name or file.filename, file.media_type, file.content
        elif each.file_id is not None:
            continue
        else:
            content = (each.text or "").encode() if each.content is None else base64.b64decode(each.content)
        made.append(NewDocument(each.id, name, media_type, content, each.attributes or {}, each.file_id))
    return made


def _accepted(accepted: Accepted) -> Json:
    return {"id": accepted.id, "sha256": accepted.sha256.hex(), "status": accepted.status}
