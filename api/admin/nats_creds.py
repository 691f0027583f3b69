"""/admin/v1/tenants/{tenant}/nats_creds, for an API that has the operator's seed (ADR 0029)."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.admin.rules import IssueNatsCreds, RevokeNatsCreds
from api.admin.serving import actor_of
from api.dialects.dialect import STAGE
from api.gateway import Gateway
from api.served import Call, Json
from contracts.errors import ErrorCode, PenstockError
from infra.access.transaction import refused
from infra.nats_auth.accounts import EVERYBODY, accounts
from infra.nats_auth.handing_out import TenantCreds


class NatsCredsEndpoints:
    """Each raises `PenstockError`: `permission_denied` as well where this API has no operator's seed."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def issue(self, call: Call) -> Json:
        """POST: the only answer that has the credentials, as `creds`: the text of a `.creds` file."""
        asked = await call.body(IssueNatsCreds)
        if asked.expires_at is not None and asked.expires_at <= time.time():
            raise refused("expires_at: must be in the future", "expires_at")
        tenant = call.in_path["tenant"]
        async with self._handing_out() as known:
            made = await known.issue(actor_of(call), tenant, asked.expires_at)
        return {**_object(tenant, made.key.public), "expires_at": asked.expires_at, "creds": made.text()}

    async def revoke(self, call: Call) -> Json:
        """POST …/revoke: of one `user`, or all so far."""
        asked = await call.body(RevokeNatsCreds)
        tenant = call.in_path["tenant"]
        async with self._handing_out() as known:
            await known.revoke(actor_of(call), tenant, asked.user or EVERYBODY)
        return {**_object(tenant, asked.user), "revoked": True}

    async def admit(self, call: Call, *, tenant: str | None = None, organisation: str | None = None) -> None:
        """After a tenant or an organisation was disabled or enabled: its producers are cut off or let in.

        Without a seed nothing is done: what they publish is refused all the same, and `penstock setup` does the rest.
        """
        if self._gateway.operator is None:
            return
        async with self._handing_out() as known:
            await known.admit(actor_of(call), tenant=tenant, organisation=organisation)

    @asynccontextmanager
    async def _handing_out(self) -> AsyncIterator[TenantCreds]:
        if self._gateway.operator is None:
            message = "this API has no operator's seed (PENSTOCK_NATS_OPERATOR): use `penstock tenant nats-creds`"
            raise PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE)
        url = self._gateway.settings.nats_url.unicode_string()
        async with accounts(url, self._gateway.operator) as known:
            yield TenantCreds(self._gateway.documents, known)


def _object(tenant: str, user: str | None) -> Json:
    return {"object": "nats_creds", "tenant": tenant, "user": user}
