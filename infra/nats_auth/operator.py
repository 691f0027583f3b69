"""The operator: one secret that signs every account, and that all their keys are made from.

So nothing has to be stored beside it: who holds the operator's seed can write down any token again.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.nats_auth.doors import Door, doors
from infra.nats_auth.nkeys import KeyPair, Kind
from infra.nats_auth.tokens import UNLIMITED, Creds, sign

_ANYTHING = {"pub": {}, "sub": {}, "subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED}
_LIMITS = {"subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED, "conn": UNLIMITED, "wildcards": True}
_STORAGE = {"mem_storage": UNLIMITED, "disk_storage": UNLIMITED, "streams": UNLIMITED, "consumer": UNLIMITED}
TENANT_PREFIX = "tenant "
"""A tenant's account is called `tenant <id>`: so it is found again among those that the server knows."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What is signed with one operator's key."""

    key: KeyPair

    @property
    def system(self) -> KeyPair:
        """The account in which the server is told of others."""
        return self.key.derive(Kind.ACCOUNT, "system")

    @property
    def penstock(self) -> KeyPair:
        """The account that Penstock's processes are in, and that all streams are of."""
        return self.key.derive(Kind.ACCOUNT, "penstock")

    def tenant(self, tenant: str) -> KeyPair:
        """The account of one tenant."""
        return self.key.derive(Kind.ACCOUNT, f"tenant {tenant}")

    def operator_token(self) -> str:
        """What a server trusts: everything that this operator's key has signed."""
        return sign(self.key, self.key.public, "operator", {"system_account": self.system.public}, name="penstock")

    def system_token(self) -> str:
        """The system account."""
        limits = {**_LIMITS, "imports": UNLIMITED, "exports": UNLIMITED}
        return sign(self.key, self.system.public, "account", {"limits": limits}, name="system")

    def penstock_token(self) -> str:
        """Penstock's account: it has the streams, and exports the tenants' doors to whoever has its token."""
        body = {
            "limits": {**_LIMITS, **_STORAGE, "imports": UNLIMITED, "exports": UNLIMITED, "leaf": UNLIMITED},
            "exports": [_export(door) for door in doors("*")],
        }
        return sign(self.key, self.penstock.public, "account", body, name="penstock")

    def tenant_token(self, tenant: str, revoked: Mapping[str, int] | None = None, *, closed: bool = False) -> str:
        """A tenant's account: its doors, no stream, no export, no leaf node.

        `revoked` are users' public keys (`*` for all) with the second up to which their tokens are void. To one that is
        `closed` nobody connects, and who is connected is cut off; its credentials stay what they are.
        """
        account = self.tenant(tenant)
        body: dict[str, Any] = {
            "limits": {**_LIMITS, "imports": UNLIMITED, **({"conn": 0} if closed else {})},
            "imports": [self._import(account, door) for door in doors(tenant)],
        }
        if revoked:
            body["revocations"] = dict(revoked)
        return sign(self.key, account.public, "account", body, name=f"{TENANT_PREFIX}{tenant}")

    def service_creds(self) -> Creds:
        """For Penstock's own processes: everything in Penstock's account."""
        return _user(self.penstock, "penstock")

    def system_creds(self, lifetime: int = 60) -> Creds:
        """To tell the server of accounts, for `lifetime` seconds."""
        return _user(self.system, "penstock", expires_at=int(time.time()) + lifetime)

    def tenant_creds(self, tenant: str, *, issued_at: int | None = None, expires_at: int | None = None) -> Creds:
        """A new user of a tenant's account."""
        return _user(self.tenant(tenant), tenant, issued_at=issued_at, expires_at=expires_at)

    def _import(self, account: KeyPair, door: Door) -> dict[str, Any]:
        activation = {"subject": door.subject, "kind": door.kind}
        found = {
            "name": door.subject,
            "subject": door.subject,
            "account": self.penstock.public,
            "token": sign(self.penstock, account.public, "activation", activation, name=door.subject),
            "type": door.kind,
        }
        return found if door.local is None else {**found, "local_subject": door.local}


def _export(door: Door) -> dict[str, Any]:
    found = {"name": door.subject, "subject": door.subject, "type": door.kind, "token_req": True}
    return {**found, "response_threshold": door.patience} if door.service else found


def _user(account: KeyPair, name: str, *, issued_at: int | None = None, expires_at: int | None = None) -> Creds:
    key = KeyPair.new(Kind.USER)
    token = sign(account, key.public, "user", _ANYTHING, name=name, issued_at=issued_at, expires_at=expires_at)
    return Creds(token, key)
