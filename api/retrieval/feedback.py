"""/v1/feedback"""

from api.auth import denied
from api.documents.paging import paging_of
from api.documents.shapes import page, seconds
from api.gateway import Gateway
from api.retrieval.rules import GiveFeedback
from api.served import Call, Json, require_store
from infra.index.feedback import FeedbackBook, NewFeedback, StoredFeedback
from infra.index.stores import Stores


class FeedbackEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._stores = Stores(gateway.documents)
        self._book = FeedbackBook(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST /v1/feedback"""
        asked = await call.body(GiveFeedback)
        if asked.store is not None:
            require_store(call.principal, asked.store, "store")
        given = NewFeedback(
            rating=asked.rating,
            request_id=asked.request_id,
            store_id=None if asked.store is None else (await self._stores.resolve(call.tenant, asked.store)).id,
            document_id=asked.document_id,
            query=asked.query,
            comment=asked.comment,
            attributes=asked.metadata,
        )
        return _shown(await self._book.add(call.tenant, given))

    async def list(self, call: Call) -> Json:
        """GET /v1/feedback: the newest first, in pages; `store` is an id or a name."""
        store = call.query.get("store")
        if store is not None:
            require_store(call.principal, store, "store")
        elif call.principal.stores is not None:
            raise denied("store: this API key may use only some stores: name one of them", "store")
        store_id = None if store is None else (await self._stores.resolve(call.tenant, store)).id
        found, more = await self._book.list(call.tenant, paging_of(call.query), store_id)
        return page([_shown(each) for each in found], more=more)


def _shown(given: StoredFeedback) -> Json:
    return {
        "id": given.id,
        "object": "feedback",
        "rating": given.rating,
        "request_id": given.request_id,
        "store": given.store_id,
        "document_id": given.document_id,
        "query": given.query,
        "comment": given.comment,
        "metadata": dict(given.attributes),
        "created_at": seconds(given.created_at),
    }
