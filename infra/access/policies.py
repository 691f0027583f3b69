"""The policies of a process: read from the database, remembered for a second."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.access.fresh import Fresh
from infra.access.policy import Limit, Policy
from infra.access.pulse import Pulse

_PATIENCE_WITHOUT_DATABASE = 300.0
"""Seconds. What a policy allows changes rarely, and the broker goes on without a database."""
_QUERY = text("""
SELECT t.organisation_id, t.models, t.disabled_at IS NOT NULL OR o.disabled_at IS NOT NULL AS disabled,
       k.id AS key_id, k.models AS key_models, k.stores, coalesce(k.cached, true) AS cached,
       EXISTS (SELECT FROM budgets b WHERE (b.kind = 'organisation' AND b.subject_id = t.organisation_id)
               OR (b.kind = 'tenant' AND b.subject_id = t.id)
               OR (b.kind = 'key' AND b.subject_id IN (SELECT key_and_replaced(k.id)))) AS budgeted
FROM tenants t JOIN organisations o ON o.id = t.organisation_id
LEFT JOIN api_keys k ON k.id = :key_id AND k.tenant_id = t.id
WHERE t.id = :tenant
""")
_LIMITS = text("""
SELECT kind, subject_id, model, requests_per_minute, tokens_per_minute, concurrent_requests FROM limits
WHERE kind = 'model' OR (kind = 'tenant' AND subject_id = :tenant) OR (kind = 'key' AND subject_id = :key_id)
ORDER BY kind, subject_id, model
""")


class Policies:
    """What is allowed to whom, none of it older than a second; `forget` makes a change count at once."""

    def __init__(self, engine: AsyncEngine, stage: str) -> None:
        self._engine = engine
        self._pulse = Pulse(engine)
        self._pulse.on_change(self.forget)
        self._listeners: list[Callable[[], None]] = []
        self._fresh: Fresh[tuple[str, str | None], Policy] = Fresh(
            self._read,
            what="limits and budgets",
            stage=stage,
            without_database=_PATIENCE_WITHOUT_DATABASE,
            confirmed_at=self._pulse.confirmed_at,
        )

    async def of(self, tenant: str, key_id: str | None) -> Policy:
        """The policy of a tenant and of its key. A key that isn't the tenant's is none: `Policy.key_id` is None then.

        Raises `PenstockError` (`pipeline_unavailable`, retryable) where it can't be known.
        """
        return await self._fresh.get((tenant, key_id))

    async def watch(self) -> None:
        """Ask whether anything was changed, for as long as the process runs: what wasn't needn't be read again."""
        await self._pulse.run()

    def forget(self) -> None:
        """Something was changed."""
        self._fresh.forget()
        for listener in self._listeners:
            listener()

    def on_forget(self, listener: Callable[[], None]) -> None:
        """Have it called whenever something was changed."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    async def _read(self, whose: tuple[str, str | None]) -> Policy:
        tenant, key_id = whose
        asked = {"tenant": tenant, "key_id": key_id}
        async with self._engine.connect() as connection:
            row = (await connection.execute(_QUERY, asked)).mappings().one_or_none()
            known = None if row is None else row["key_id"]
            limits = (await connection.execute(_LIMITS, {**asked, "key_id": known})).mappings().all()
        return _policy(tenant, dict(row) if row else {}, tuple(_limit(dict(found)) for found in limits))


def _policy(tenant: str, row: dict[str, Any], limits: tuple[Limit, ...]) -> Policy:
    """A tenant that nobody has made has no limits of its own: only who may publish to its subjects can be it."""
    if not row:
        return Policy(tenant, limits=limits)
    named = tuple(frozenset(models) for models in (row["models"], row["key_models"]) if models is not None)
    return Policy(
        tenant=tenant,
        organisation=row["organisation_id"],
        key_id=row["key_id"],
        models=named,
        stores=None if row["stores"] is None else frozenset(row["stores"]),
        limits=limits,
        budgeted=row["budgeted"],
        disabled=row["disabled"],
        cached=row["cached"],
    )


def _limit(row: dict[str, Any]) -> Limit:
    return Limit(subject=row.pop("subject_id"), **row)
