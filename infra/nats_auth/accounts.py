"""Tells a running server of tenants' accounts. It keeps them, and passes them on to the others of its cluster."""

import json
import time
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client

from contracts.errors import ErrorCode, PenstockError
from infra.nats_auth.operator import TENANT_PREFIX, Operator
from infra.nats_auth.tokens import UNLIMITED, Creds, claims_of

STAGE = "nats-auth"
_PATIENCE = 5.0
EVERYBODY = "*"
"""In the place of a user's public key: all that were made until then."""


class Accounts:
    """The accounts of one server. Every method raises `PenstockError` where the server refuses or does not answer."""

    def __init__(self, client: Client, operator: Operator) -> None:
        self._client = client
        self._operator = operator

    async def issue(self, tenant: str, expires_at: int | None = None) -> Creds:
        """A new user for a tenant's producers, `expires_at` in seconds since 1970. From then on it may connect."""
        known = await self._known(tenant)
        await self._put(self._operator.tenant_token(tenant, _revoked(known), closed=_is_closed(known)))
        # What was revoked a moment ago, to the second, is not what is made now.
        issued_at = max(int(time.time()), _revoked(known).get(EVERYBODY, 0) + 1)
        return self._operator.tenant_creds(tenant, issued_at=issued_at, expires_at=expires_at)

    async def revoke(self, tenant: str, user: str = EVERYBODY) -> None:
        """Void one user's credentials, or all of a tenant's so far. Whoever is connected with them is cut off."""
        known = await self._known(tenant)
        revoked = {**_revoked(known), user: int(time.time())}
        await self._put(self._operator.tenant_token(tenant, revoked, closed=_is_closed(known)))

    async def close(self, tenant: str, *, closed: bool) -> bool:
        """Let nobody in, and cut off who is connected; or let them in again with what they have. Whether that changed
        anything: an account that is not there has nobody to cut off.
        """
        known = await self._known(tenant)
        if not known or _is_closed(known) is closed:
            return False
        await self._put(self._operator.tenant_token(tenant, _revoked(known), closed=closed))
        return True

    async def refresh(self, wanted: Iterable[str] = (), closed: Collection[str] = ()) -> None:
        """Give Penstock's account and every tenant's the doors of this version; `wanted` are made where they are not
        there, and of all accounts `closed` are the only ones that are.
        """
        await self._put(self._operator.penstock_token())
        known = {tenant: claims async for tenant, claims in self._tenants()}
        for tenant in {*known, *wanted}:
            claims = known.get(tenant, {})
            new = self._operator.tenant_token(tenant, _revoked(claims), closed=tenant in closed)
            if _doors(claims) != _doors(claims_of(new)) or _is_closed(claims) is not (tenant in closed):
                await self._put(new)

    async def _tenants(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The tenants that the server knows of, and what their tokens say."""
        for account in await self._request("$SYS.REQ.CLAIMS.LIST"):
            claims = await self._claims(account)
            tenant = str(claims.get("name", "")).removeprefix(TENANT_PREFIX)
            if account == self._operator.tenant(tenant).public:
                yield tenant, claims

    async def _known(self, tenant: str) -> dict[str, Any]:
        return await self._claims(self._operator.tenant(tenant).public)

    async def _claims(self, account: str) -> dict[str, Any]:
        """What an account's token says; empty where the server has none."""
        found = await self._ask(f"$SYS.REQ.ACCOUNT.{account}.CLAIMS.LOOKUP")
        return claims_of(found.decode()) if found else {}

    async def _put(self, token: str) -> None:
        await self._request("$SYS.REQ.CLAIMS.UPDATE", token.encode())

    async def _request(self, subject: str, body: bytes = b"") -> list[str]:
        """What an answer holds, where that is a list: the accounts."""
        answer = json.loads(await self._ask(subject, body))
        if error := answer.get("error"):
            raise _refused(f"NATS refuses an account: {error.get('description', error)}")
        data = answer.get("data")
        return data if isinstance(data, list) else []

    async def _ask(self, subject: str, body: bytes = b"") -> bytes:
        try:
            return (await self._client.request(subject, body, timeout=_PATIENCE)).data
        except nats.errors.NoRespondersError:
            raise _refused("this NATS keeps its accounts elsewhere: its resolver has to be of the type full") from None
        except (nats.errors.Error, OSError) as error:
            raise _unreachable() from error


@asynccontextmanager
async def accounts(nats_url: str, operator: Operator) -> AsyncIterator[Accounts]:
    """The accounts of the server there. Raises `PenstockError` where it does not answer, or trusts another operator."""
    creds, client = operator.system_creds(), Client()
    try:
        await client.connect(
            nats_url,
            name="penstock-accounts",
            user_jwt_cb=lambda: bytearray(creds.token.encode()),
            signature_cb=creds.signature,
            allow_reconnect=False,
            connect_timeout=int(_PATIENCE),
            error_cb=_ignored,
        )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        if "authorization" in str(error).lower():
            raise _refused(f"the NATS at {nats_url} does not trust this operator") from error
        raise _unreachable() from error
    try:
        yield Accounts(client, operator)
    finally:
        await client.close()


async def _ignored(_: Exception) -> None:
    """What fails is told to whoever asked for it; the library would print it too."""


def _revoked(claims: dict[str, Any]) -> dict[str, int]:
    found = claims.get("nats", {}).get("revocations") or {}
    return {str(user): int(at) for user, at in found.items()}


def _is_closed(claims: dict[str, Any]) -> bool:
    connections: int = claims.get("nats", {}).get("limits", {}).get("conn", 0 if claims else UNLIMITED)
    return connections == 0


def _doors(claims: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (each.get("subject", ""), each.get("type", ""), each.get("local_subject", ""))
        for each in claims.get("nats", {}).get("imports") or ()
    ]


def _refused(message: str) -> PenstockError:
    return PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE)


def _unreachable() -> PenstockError:
    message = "NATS can't be reached: is PENSTOCK_NATS_URL right?"
    return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True)
