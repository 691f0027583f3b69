"""/v1/vector_stores/{store}/versions, and /rollback"""

import secrets
from datetime import UTC, datetime

from api.documents.shapes import deleted
from api.gateway import Gateway
from api.reindexing.order import order
from api.reindexing.shapes import version_object
from api.served import Call, Json, refused
from contracts.errors import PenstockError
from contracts.reindex import ReindexRequested
from infra.index.documents import Documents
from infra.index.stores import Store, Stores
from infra.index.transaction import not_found
from infra.index.version import IndexVersion, VersionState
from infra.index.versions import IndexVersions
from infra.telemetry.told import told

_LARGEST = 2**63 - 1
_SHOWN = tuple(state for state in VersionState if state is not VersionState.DROPPED)


class VersionEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stores = Stores(gateway.documents)
        self._versions = IndexVersions(gateway.documents)
        self._documents = Documents(gateway.documents)

    async def list(self, call: Call) -> Json:
        """GET …/versions: the oldest first; those that were dropped too with `dropped=true`."""
        store = await self._store(call)
        states = () if call.query.get("dropped") == "true" else _SHOWN
        found = await self._versions.of_store(call.tenant, store.id, *states)
        return {"object": "list", "data": [await self._shown(version) for version in found]}

    async def delete(self, call: Call) -> Json:
        """DELETE …/versions/{version}: one that is not live, and that no re-index is building."""
        store, named = await self._store(call), call.in_path["version"]
        if not (named.isascii() and named.isdecimal() and int(named) <= _LARGEST):
            raise not_found(f"the index version {named!r}")
        version = await self._versions.find(call.tenant, int(named))
        if version.store_id != store.id:
            raise not_found(f"the index version {named!r}")
        if version.state == VersionState.BUILDING:
            raise refused(f"the index version {named} is being built: cancel its re-index")
        await self._versions.drop(call.tenant, version.id)
        return deleted(named, "index.version.deleted")

    async def rollback(self, call: Call) -> Json:
        """POST …/rollback: the version that was live before answers at once, and is brought up to date meanwhile."""
        store = await self._store(call)
        live = await self._versions.rollback(call.tenant, store.id)
        if await self._documents.behind(live, limit=1):
            await self._catch_up(call, store, live)
        return await self._shown(live)

    async def _catch_up(self, call: Call, store: Store, live: IndexVersion) -> None:
        """What can't be ordered now doesn't undo the rollback: who asks once more goes back to where they were."""
        job_id = f"rx_{secrets.token_hex(12)}"
        request = ReindexRequested(job_id=job_id, store=store.id, catch_up=live.id, requested_at=datetime.now(UTC))
        try:
            await order(self._gateway, call, request)
        except PenstockError as error:
            if not error.retryable:
                raise
            self._gateway.log.warning("not_caught_up", store_id=store.id, version=live.id, reason=told(error))

    async def _store(self, call: Call) -> Store:
        return await self._stores.resolve(call.tenant, call.in_path["store"])

    async def _shown(self, version: IndexVersion) -> Json:
        return version_object(version, await self._versions.statistics(version.tenant_id, version.id))
