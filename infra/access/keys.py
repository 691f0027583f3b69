"""API keys: made once, shown once, stored as a hash; changed, rotated, revoked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.subjects import require_token
from infra.access.credentials import Secret, hash_secret, new_secret
from infra.access.names import require_models, require_stores
from infra.access.rotation import copy_rights, replaced
from infra.access.rows import Values, add_row, amend_row, ensure_tenant, read_row
from infra.access.scopes import USUAL_SCOPES, require_scopes
from infra.access.transaction import STAGE, access_transaction, refused
from infra.database.tables import ApiKey, Tenant
from infra.index.paging import Keys as Order
from infra.index.paging import Paging, read_page

_ORDER = Order(ApiKey.created_at, ApiKey.id)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be. `models` and `stores` None are all that the tenant may use; `expires_at` None is never.

    Not `cached`: nothing that it asks is answered from the cache, or kept in it.
    """

    tenant: str
    name: str = "key"
    scopes: tuple[str, ...] = USUAL_SCOPES
    models: tuple[str, ...] | None = None
    stores: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    cached: bool = True


@dataclass(frozen=True, slots=True)
class Key:
    """What may be known of a key: all but its secret. `replaces` is the one that it was made in the place of."""

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    models: tuple[str, ...] | None
    stores: tuple[str, ...] | None
    cached: bool
    replaces: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def usable_at(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key and, this once, its text: nobody can read it again."""

    key: Key
    text: str


class ApiKeys:
    """Each change is in the audit log, by its `actor`; who made it announces it (`infra.access.changes`).

    Every method raises `PenstockError`: `not_found`, `invalid_request`, or `pipeline_unavailable` where the database
    can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create(self, actor: str, new: NewKey, *, makes_tenant: bool = False) -> MadeKey:
        """A new key of a tenant; with `makes_tenant` of one that need not be there yet."""
        row = {
            "name": new.name,
            "scopes": list(require_scopes(new.scopes)),
            "models": require_models(new.models),
            "stores": require_stores(new.stores),
            "expires_at": _require_future(new.expires_at),
            "cached": new.cached,
        }
        require_token(new.tenant, "tenant", stage=STAGE)
        async with access_transaction(self._engine) as connection:
            if makes_tenant:
                await ensure_tenant(connection, actor, new.tenant)
            else:
                await read_row(connection, Tenant, new.tenant)
            return await _add(connection, actor, {**row, "tenant_id": new.tenant})

    async def find(self, key_id: str) -> Key:
        """The key of that public id."""
        async with access_transaction(self._engine) as connection:
            return _key(await read_row(connection, ApiKey, key_id))

    async def list(
        self, paging: Paging, tenant: str | None = None, organisation: str | None = None
    ) -> tuple[list[Key], bool]:
        """A page of them, or of those of a tenant or an organisation, and whether there are more."""
        query = select(ApiKey.__table__)
        if tenant is not None:
            query = query.where(ApiKey.tenant_id == tenant)
        if organisation is not None:
            query = query.join(Tenant, Tenant.id == ApiKey.tenant_id).where(Tenant.organisation_id == organisation)
        async with access_transaction(self._engine) as connection:
            rows, more = await read_page(connection, query, _ORDER, paging)
        return [_key(row._mapping) for row in rows], more

    async def update(self, actor: str, key_id: str, changes: Mapping[str, Any]) -> Key:
        """Change what `NewKey` names, not its tenant; None as `models`, `stores` or `expires_at` takes a bound away."""
        values = {name: _checked(name, value) for name, value in changes.items()}
        async with access_transaction(self._engine) as connection:
            return _key(await amend_row(connection, actor, "updated", ApiKey, key_id, values))

    async def rotate(self, actor: str, key_id: str, overlap: timedelta) -> MadeKey:
        """A new key with the same rights, limits and budgets; the old one expires after `overlap`, at most.

        The new one lives as long as the old one was to.
        """
        now = datetime.now(UTC)
        async with access_transaction(self._engine) as connection:
            old = _key(await read_row(connection, ApiKey, key_id, locked=True))
            if not old.usable_at(now):
                raise refused(f"the key {key_id!r} is revoked or has expired: there is nothing to go on from", "key")
            if (successor := await replaced(connection, key_id)) is not None:
                raise refused(f"the key {key_id!r} was rotated already: {successor} is in its place", "key")
            life = None if old.expires_at is None else now + (old.expires_at - old.created_at)
            rights = {name: _listed(getattr(old, name)) for name in ("name", "scopes", "models", "stores", "cached")}
            row = {**rights, "tenant_id": old.tenant, "replaces": old.id, "expires_at": life}
            made = await _add(connection, actor, row)
            await copy_rights(connection, actor, old.id, made.key.id)
            ends = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
            await amend_row(connection, actor, "rotated", ApiKey, old.id, {"expires_at": ends})
            return made

    async def revoke(self, actor: str, key_id: str) -> Key:
        """It is let in no more, for good. One that is revoked stays as it is."""
        if (found := await self.find(key_id)).revoked_at is not None:
            return found
        values = {"revoked_at": datetime.now(UTC)}
        async with access_transaction(self._engine) as connection:
            return _key(await amend_row(connection, actor, "revoked", ApiKey, key_id, values))


async def _add(connection: AsyncConnection, actor: str, values: Values) -> MadeKey:
    secret: Secret = new_secret()
    row = {**values, "id": secret.public_id, "secret_sha256": hash_secret(secret.secret)}
    return MadeKey(_key(await add_row(connection, actor, ApiKey, row)), str(secret))


def _checked(name: str, value: Any) -> Any:  # noqa: ANN401 - a column's value
    if name == "scopes":
        return list(require_scopes(value))
    if name == "models":
        return require_models(value)
    if name == "stores":
        return require_stores(value)
    return _require_future(value) if name == "expires_at" else value


def _require_future(moment: datetime | None) -> datetime | None:
    if moment is not None and moment <= datetime.now(UTC):
        raise refused("expires_at: must be in the future", "expires_at")
    return moment


def _listed(value: Any) -> Any:  # noqa: ANN401 - a column's value
    return list(value) if isinstance(value, tuple) else value


def _key(row: Values | Any) -> Key:  # noqa: ANN401 - a row's mapping
    values = {name: value for name, value in row.items() if name not in ("secret_sha256", "tenant_id")}
    named = {name: None if values[name] is None else tuple(values[name]) for name in ("scopes", "models", "stores")}
    return Key(**{**values, **named, "tenant": row["tenant_id"]})
