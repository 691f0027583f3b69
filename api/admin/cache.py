"""/admin/v1/cache"""

from api.admin.serving import actor_of
from api.gateway import Gateway
from api.served import Call, Json
from infra.access.transaction import refused
from infra.cache import CacheEntries, Purge


class CacheEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._entries = CacheEntries(gateway.documents, gateway.connection.client, gateway.connection.js)

    async def purge(self, call: Call) -> Json:
        """DELETE ?tenant=…: all of its entries, or those of a `key`, of an `index` (a store's id), or one `entry`."""
        query = call.query
        tenant = query.get("tenant")
        if not tenant:
            raise refused("`tenant` names whose entries go", "tenant")
        which = Purge(tenant, query.get("key"), query.get("index"), query.get("entry"))
        purged = await self._entries.purge(actor_of(call), which)
        return {"object": "cache.purged", "tenant": tenant, "entries": purged}
