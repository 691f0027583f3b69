"""Credentials for tenants that there are, each change in the audit log."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.access.audit import audited
from infra.access.tenants import Tenants
from infra.access.transaction import access_transaction, refused
from infra.nats_auth.accounts import EVERYBODY, Accounts
from infra.nats_auth.tokens import Creds

_KIND = "nats_creds"


class TenantCreds:
    """Every method raises `PenstockError`: `not_found` for a tenant that isn't there; as `Accounts`, and where the
    database can't be reached.
    """

    def __init__(self, engine: AsyncEngine, accounts: Accounts) -> None:
        self._engine = engine
        self._accounts = accounts

    async def issue(self, actor: str, tenant: str, expires_at: int | None = None) -> Creds:
        """A new user for a tenant's producers; `expires_at` in seconds since 1970.

        Raises `PenstockError` (`invalid_request`) as well for a tenant that is disabled.
        """
        await Tenants(self._engine).find(tenant)
        if any((await Tenants(self._engine).disabled(tenant=tenant)).values()):
            raise refused(f"{tenant!r} is disabled, or its organisation is: nobody connects for it", "tenant")
        creds = await self._accounts.issue(tenant, expires_at)
        await self._write_down(actor, "issued", tenant, {"user": creds.key.public, "expires_at": expires_at})
        return creds

    async def revoke(self, actor: str, tenant: str, user: str = EVERYBODY) -> None:
        """Void one user's credentials, or all of a tenant's so far."""
        await Tenants(self._engine).find(tenant)
        await self._accounts.revoke(tenant, user)
        await self._write_down(actor, "revoked", tenant, {"user": user})

    async def admit(self, actor: str, *, tenant: str | None = None, organisation: str | None = None) -> list[str]:
        """Cut a tenant's producers off where it is disabled by now, and let them in again where it is not: of one, or
        of all of an organisation. The credentials stay what they are. Which tenants' producers that changed.
        """
        changed: list[str] = []
        found = await Tenants(self._engine).disabled(tenant=tenant, organisation=organisation)
        for each, is_disabled in found.items():
            if await self._accounts.close(each, closed=is_disabled):
                await self._write_down(actor, "closed" if is_disabled else "opened", each, {"user": EVERYBODY})
                changed.append(each)
        return changed

    async def _write_down(self, actor: str, action: str, tenant: str, what: dict[str, Any]) -> None:
        async with access_transaction(self._engine) as connection:
            await audited(connection, actor, action, _KIND, tenant, None, what)
