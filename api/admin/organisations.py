"""/admin/v1/organisations"""

from api.admin.rules import CreateOrganisation, UpdateOrganisation
from api.admin.serving import Admit, actor_of
from api.admin.shapes import organisation_object
from api.documents.paging import paging_of
from api.documents.shapes import page
from api.gateway import Gateway
from api.served import Call, Json
from infra.access.organisations import Organisations


class OrganisationEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway, admit: Admit) -> None:
        self._admit = admit
        self._organisations = Organisations(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST"""
        asked = await call.body(CreateOrganisation)
        return organisation_object(await self._organisations.create(actor_of(call), asked.id, asked.name))

    async def list(self, call: Call) -> Json:
        """GET: `limit`, `order`, `after`, `before`."""
        found, more = await self._organisations.list(paging_of(call.query))
        return page([organisation_object(each) for each in found], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{organisation}"""
        return organisation_object(await self._organisations.find(call.in_path["organisation"]))

    async def update(self, call: Call) -> Json:
        """POST …/{organisation}: its name, and whether it is let in."""
        asked = await call.body(UpdateOrganisation)
        actor, organisation_id = actor_of(call), call.in_path["organisation"]
        if asked.name is not None:
            await self._organisations.rename(actor, organisation_id, asked.name)
        if asked.disabled is not None:
            switch = self._organisations.disable if asked.disabled else self._organisations.enable
            await switch(actor, organisation_id)
            await self._admit(call, organisation=organisation_id)
        return organisation_object(await self._organisations.find(organisation_id))
