"""What the administrative endpoints have in common: their scope, who acts, and that a change is told of."""

from typing import Protocol

from api.gateway import Gateway
from api.served import ADMINISTRATORS, Call, Handle, Json, Served
from infra.access.changes import Changes


class Admit(Protocol):
    """What is done about producers after a tenant, or an organisation, was disabled or enabled."""

    async def __call__(self, call: Call, *, tenant: str | None = None, organisation: str | None = None) -> None:
        """Raises `PenstockError`."""


def actor_of(call: Call) -> str:
    """Who the audit log says it was."""
    return f"key:{call.principal.key_id}"


class Administered:
    """Handlers as endpoints, for keys with the scope «admin» alone."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._changes = Changes(gateway.connection.js, gateway.log)

    def read(self, handle: Handle) -> Served:
        """One that changes nothing."""
        return Served(self._gateway, ADMINISTRATORS, handle)

    def change(self, handle: Handle, status: int = 200) -> Served:
        """One that changes something: every process is told before the caller is."""

        async def changed(call: Call) -> Json | None:
            answer = await handle(call)
            await self._changes.announce(actor_of(call))
            return answer

        return Served(self._gateway, ADMINISTRATORS, changed, status)
