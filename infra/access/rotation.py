"""What a key that takes another's place takes over from it."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.access.audit import audited

_SUCCESSOR = text("SELECT id FROM api_keys WHERE replaces = :id AND revoked_at IS NULL LIMIT 1")
_LIMITS = text("""
INSERT INTO limits (kind, subject_id, model, requests_per_minute, tokens_per_minute, concurrent_requests)
SELECT kind, :new, model, requests_per_minute, tokens_per_minute, concurrent_requests
FROM limits WHERE kind = 'key' AND subject_id = :old
RETURNING model, requests_per_minute, tokens_per_minute, concurrent_requests
""")


async def replaced(connection: AsyncConnection, key_id: str) -> str | None:
    """The key that has taken this one's place, if one has that is not revoked."""
    return (await connection.execute(_SUCCESSOR, {"id": key_id})).scalar()


async def copy_rights(connection: AsyncConnection, actor: str, old: str, new: str) -> None:
    """Limits of its own: the new key has the same, and counts for itself from now on.

    Its budgets need no copy: they hold for whatever key `replaces` theirs, and both spend of them.
    """
    for row in (await connection.execute(_LIMITS, {"old": old, "new": new})).mappings().all():
        await audited(connection, actor, "copied", "limit", new, None, {"kind": "key", "subject_id": new, **row})
