"""/admin/v1/limits"""

from api.admin.rules import WriteLimit
from api.admin.serving import actor_of
from api.documents.paging import paging_of
from api.documents.shapes import page, seconds
from api.gateway import Gateway
from api.served import Call, Json
from infra.limits.repository import Limits, Most, SetLimit


class LimitEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._limits = Limits(gateway.documents)

    async def set(self, call: Call) -> Json:
        """POST: instead of what was set for the same before."""
        asked = await call.body(WriteLimit)
        most = Most(asked.requests_per_minute, asked.tokens_per_minute, asked.concurrent_requests)
        return limit_object(await self._limits.set(actor_of(call), asked.kind, asked.subject_id, most, asked.model))

    async def list(self, call: Call) -> Json:
        """GET: `limit`, `order`, `after`, `before`; `kind` and `subject_id`, of which only the limits are wanted."""
        query = call.query
        found, more = await self._limits.list(
            paging_of(query), kind=query.get("kind"), subject_id=query.get("subject_id")
        )
        return page([limit_object(each) for each in found], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{limit}"""
        return limit_object(await self._limits.find(call.in_path["limit"]))

    async def delete(self, call: Call) -> Json:
        """DELETE …/{limit}"""
        limit_id = call.in_path["limit"]
        await self._limits.delete(actor_of(call), limit_id)
        return {"id": limit_id, "object": "limit.deleted", "deleted": True}


def limit_object(limit: SetLimit) -> Json:
    """A limit."""
    return {
        "id": limit.id,
        "object": "limit",
        "kind": limit.kind,
        "subject_id": limit.subject_id,
        "model": limit.model,
        "requests_per_minute": limit.requests_per_minute,
        "tokens_per_minute": limit.tokens_per_minute,
        "concurrent_requests": limit.concurrent_requests,
        "created_at": seconds(limit.created_at),
    }
