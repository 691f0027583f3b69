"""/v1/vector_stores/{store}/reindex"""

import secrets
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from api.dialects.dialect import STAGE
from api.documents.paging import paging_of
from api.documents.shapes import page
from api.documents.store_settings import require_model
from api.gateway import Gateway
from api.reindexing.order import order, wish
from api.reindexing.rules import StartReindex
from api.reindexing.shapes import job_object
from api.served import Call, Handle, Json, require_allowed_model, require_lane
from contracts.apis.rules.refusal import invalid
from contracts.reindex import ReindexRequested
from contracts.subjects import Lane
from infra.index.jobs import ReindexJobs, Wish
from infra.index.stores import Store, Stores


class JobEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stores = Stores(gateway.documents)
        self._jobs = ReindexJobs(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST: build the store's next version, and let it answer if it is no worse."""
        asked = await call.body(StartReindex)
        require_lane(call.principal, Lane.BATCH)
        store = await self._store(call)
        if asked.embedding_model is not None:
            require_allowed_model(call.principal, asked.embedding_model, "embedding_model")
            require_model(asked.embedding_model, self._gateway.catalog.current, confidential=store.confidential)
        request = request_of(asked, store.id, f"rx_{secrets.token_hex(12)}", datetime.now(UTC))
        return job_object(await order(self._gateway, call, request))

    async def list(self, call: Call) -> Json:
        """GET: `limit`, `order`, `after`, `before`."""
        store = await self._store(call)
        jobs, more = await self._jobs.list(call.tenant, store.id, paging_of(call.query))
        return page([job_object(each) for each in jobs], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{job}"""
        store = await self._store(call)
        return job_object(await self._jobs.find(call.tenant, call.in_path["job"], store.id))

    def wish(self, wanted: Wish) -> Handle:
        """POST …/{job}/pause, resume or cancel; what it answers need not show it yet."""

        async def handle(call: Call) -> Json:
            store = await self._store(call)
            return job_object(await wish(self._gateway, call, store.id, call.in_path["job"], wanted))

        return handle

    async def _store(self, call: Call) -> Store:
        return await self._stores.resolve(call.tenant, call.in_path["store"])


def request_of(asked: StartReindex, store_id: str, job_id: str, now: datetime) -> ReindexRequested:
    """Raises `PenstockError` (`invalid_request`) for an overlap of more than half of a chunk."""
    given: dict[str, Any] = asked.model_dump(exclude_none=True)
    try:
        return ReindexRequested(job_id=job_id, store=store_id, requested_at=now, **given)
    except ValidationError as error:
        raise invalid(error, STAGE) from None
