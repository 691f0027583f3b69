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
_BUDGETS = text("""
INSERT INTO budgets (id, kind, subject_id, period, amount_usd, alert_shares, webhook_url)
SELECT 'bud_' || replace(gen_random_uuid()::text, '-', ''), kind, :new, period, amount_usd, alert_shares, webhook_url
FROM budgets WHERE kind = 'key' AND subject_id = :old
RETURNING id, period, amount_usd, alert_shares
""")

_BALANCES = text("""
INSERT INTO budget_balances (budget_id, period_start, spent, reserved)
SELECT n.id, x.period_start, x.spent, 0
FROM budget_balances x JOIN budgets o ON o.id = x.budget_id JOIN budgets n ON n.kind = o.kind AND n.period = o.period
WHERE o.kind = 'key' AND o.subject_id = :old AND n.subject_id = :new
""")


async def replaced(connection: AsyncConnection, key_id: str) -> str | None:
    """The key that has taken this one's place, if one has that is not revoked."""
    return (await connection.execute(_SUCCESSOR, {"id": key_id})).scalar()


async def copy_rights(connection: AsyncConnection, actor: str, old: str, new: str) -> None:
    """Limits and budgets of its own: the new key has the same, with what the old one has spent, and counts for itself
    from now on.
    """
    for kind, copy in (("limit", _LIMITS), ("budget", _BUDGETS)):
        for row in (await connection.execute(copy, {"old": old, "new": new})).mappings().all():
            after = {"kind": "key", "subject_id": new, **row}
            await audited(connection, actor, "copied", kind, str(row.get("id", new)), None, after)
    await connection.execute(_BALANCES, {"old": old, "new": new})
