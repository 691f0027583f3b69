"""What a key looks like, and what the database knows of the one that is shown.

A key reads `psk_<public id>_<secret>`. The public id finds the row; only the SHA-256 of the secret is stored.
"""

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.access.policy import DEFAULT_ORGANISATION

PREFIX = "psk"
_PATIENCE = 5.0
_KEY = re.compile(rf"{PREFIX}_([0-9A-Za-z]{{1,64}})_([0-9A-Za-z]{{1,128}})")
_QUERY = text("""
SELECT k.id, k.tenant_id AS tenant, t.organisation_id AS organisation, k.secret_sha256, k.scopes, k.expires_at,
       k.revoked_at, t.models AS tenant_models, k.models, k.stores,
       CASE WHEN o.disabled_at IS NOT NULL THEN 'organisation'
            WHEN t.disabled_at IS NOT NULL THEN 'tenant' END AS closed
FROM api_keys k JOIN tenants t ON t.id = k.tenant_id JOIN organisations o ON o.id = t.organisation_id
WHERE k.id = ANY(:ids)
""")


class Secret(NamedTuple):
    """A key's two parts."""

    public_id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}_{self.public_id}_{self.secret}"


@dataclass(frozen=True, slots=True)
class Credential:
    """What decides whether a key is let in, and to what.

    `models` are names as `infra.access.policy.Policy` has them, of the tenant and of the key; `stores` are ids, None
    for all of the tenant's. `closed` says what is disabled: the organisation, the tenant, or None.
    """

    id: str
    tenant: str
    secret_sha256: bytes = field(repr=False)
    scopes: frozenset[str]
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    organisation: str = DEFAULT_ORGANISATION
    models: tuple[frozenset[str], ...] = ()
    stores: frozenset[str] | None = None
    closed: str | None = None


def new_secret() -> Secret:
    """A key that nobody has. The secret has 192 bits."""
    return Secret(secrets.token_hex(8), secrets.token_hex(24))


def split_key(key: str) -> Secret | None:
    """Public id and secret, or None for what is no key of ours."""
    found = _KEY.fullmatch(key)
    return None if found is None else Secret(found[1], found[2])


def hash_secret(secret: str) -> bytes:
    """SHA-256. The secret has 192 bits of its own, so no slow hash has to stand in for entropy."""
    return hashlib.sha256(secret.encode()).digest()


class Credentials:
    """Keys as the database has them now. Those that are asked for while a look-up is on its way share the next one: a
    process that has forgotten all it knew asks for hundreds at once, and takes one connection for them.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: dict[str, asyncio.Future[Credential | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def find(self, public_id: str) -> Credential | None:
        """The key of that public id with its tenant and organisation, or None. Read after it was asked for.

        Raises `SQLAlchemyError` or `OSError` where the database can't be reached, or takes over five seconds.
        """
        waiting = self._waiting.setdefault(public_id, asyncio.get_running_loop().create_future())
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_waiting())
        return await asyncio.shield(waiting)

    async def _read_waiting(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                async with asyncio.timeout(_PATIENCE):
                    found = await self._read(list(asked))
            except Exception as error:  # noqa: BLE001 - it is raised again, in everybody who asked
                for waiting in asked.values():
                    waiting.set_exception(error)
            else:
                for public_id, waiting in asked.items():
                    waiting.set_result(found.get(public_id))
        self._reading = None

    async def _read(self, ids: list[str]) -> dict[str, Credential]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_QUERY, {"ids": ids})).mappings().all()
        return {row["id"]: _credential(row) for row in rows}


def _credential(row: RowMapping) -> Credential:
    values = dict(row)
    named = (values.pop("tenant_models"), values.pop("models"))
    stores = values.pop("stores")
    return Credential(
        **{**values, "scopes": frozenset(values["scopes"])},
        models=tuple(frozenset(models) for models in named if models is not None),
        stores=None if stores is None else frozenset(stores),
    )
