"""/admin/v1/tenants"""

from api.admin.rules import CreateTenant, UpdateTenant
from api.admin.serving import Admit, actor_of
from api.admin.shapes import tenant_object
from api.documents.paging import paging_of
from api.documents.shapes import page
from api.gateway import Gateway
from api.served import Call, Json
from infra.access.tenants import Tenants


class TenantEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway, admit: Admit) -> None:
        self._admit = admit
        self._tenants = Tenants(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST"""
        asked = await call.body(CreateTenant)
        models = None if asked.models is None else tuple(asked.models)
        made = await self._tenants.create(actor_of(call), asked.id, asked.organisation, asked.name, models)
        return tenant_object(made)

    async def list(self, call: Call) -> Json:
        """GET: `organisation`; `limit`, `order`, `after`, `before`."""
        found, more = await self._tenants.list(paging_of(call.query), call.query.get("organisation"))
        return page([tenant_object(each) for each in found], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{tenant}"""
        return tenant_object(await self._tenants.find(call.in_path["tenant"]))

    async def update(self, call: Call) -> Json:
        """POST …/{tenant}: its name, its models, and whether it is let in."""
        asked = await call.body(UpdateTenant)
        actor, tenant = actor_of(call), call.in_path["tenant"]
        changes: Json = {"name": asked.name} if asked.name is not None else {}
        if "models" in asked.model_fields_set:
            changes |= {"models": asked.models}
        if changes:
            await self._tenants.update(actor, tenant, changes)
        if asked.disabled is not None:
            await (self._tenants.disable if asked.disabled else self._tenants.enable)(actor, tenant)
            await self._admit(call, tenant=tenant)
        return tenant_object(await self._tenants.find(tenant))
