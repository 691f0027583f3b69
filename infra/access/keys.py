"""API keys: made once, shown once, stored as a hash.

A key reads `psk_<public id>_<secret>`. The public id finds the row; only the SHA-256 of the secret is stored.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.tables import ApiKey, Tenant

PREFIX = "psk"
INFERENCE, DOCUMENTS, SEARCH, ADMIN = "inference", "documents", "search", "admin"
USUAL_SCOPES = (INFERENCE, DOCUMENTS, SEARCH)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What the database knows of a key."""

    id: str
    tenant: str
    secret_sha256: bytes
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None

    def usable_at(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def split_key(key: str) -> tuple[str, str] | None:
    """Public id and secret, or None for what is no key of ours."""
    parts = key.split("_")
    if len(parts) != 3 or parts[0] != PREFIX or not parts[1].isalnum() or not parts[2].isalnum():
        return None
    return parts[1], parts[2]


def hash_secret(secret: str) -> bytes:
    """SHA-256. The secret has 192 bits of its own, so no slow hash has to stand in for entropy."""
    return hashlib.sha256(secret.encode()).digest()


async def create_key(engine: AsyncEngine, tenant: str, name: str, scopes: list[str]) -> str:
    """Make a key for a tenant, and the tenant where it isn't there. Returns the key: nobody can read it again."""
    public_id, secret = secrets.token_hex(8), secrets.token_hex(24)
    async with engine.begin() as connection:
        await connection.execute(upsert(Tenant).values(id=tenant).on_conflict_do_nothing())
        row = {"id": public_id, "tenant_id": tenant, "secret_sha256": hash_secret(secret), "name": name}
        await connection.execute(insert(ApiKey).values(**row, scopes=scopes))
    return f"{PREFIX}_{public_id}_{secret}"


async def find_key(engine: AsyncEngine, public_id: str) -> StoredKey | None:
    """The key of that public id, or None."""
    async with engine.connect() as connection:
        row = (await connection.execute(select(ApiKey.__table__).where(ApiKey.id == public_id))).one_or_none()
    return None if row is None else _stored(row._mapping)


async def list_keys(engine: AsyncEngine) -> list[StoredKey]:
    """Every key, the oldest first."""
    async with engine.connect() as connection:
        rows = (await connection.execute(select(ApiKey.__table__).order_by(ApiKey.created_at))).all()
    return [_stored(row._mapping) for row in rows]


async def revoke_key(engine: AsyncEngine, public_id: str) -> bool:
    """Whether there was a key of that id to revoke."""
    statement = update(ApiKey).where(ApiKey.id == public_id, ApiKey.revoked_at.is_(None))
    async with engine.begin() as connection:
        result = await connection.execute(statement.values(revoked_at=datetime.now(UTC)))
    return result.rowcount == 1


def _stored(row: object) -> StoredKey:
    values = dict(row)  # type: ignore[call-overload]
    return StoredKey(
        id=values["id"],
        tenant=values["tenant_id"],
        secret_sha256=values["secret_sha256"],
        scopes=frozenset(values["scopes"]),
        expires_at=values["expires_at"],
        revoked_at=values["revoked_at"],
    )
