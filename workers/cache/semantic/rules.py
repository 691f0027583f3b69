"""The rules of a process: read from the database, remembered for seconds, learnt anew when enough is known."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.errors import PenstockError
from infra.index.transaction import tenant_transaction
from infra.semantic import outcomes
from infra.semantic.outcomes import Group
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import SemanticMetrics
from workers.cache.semantic.learning import CLOSED, WINDOW, Outcome, Rule, is_due, learn

_FRESH = 5.0
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    rule: Rule
    until: float


class Rules:
    """Every rule is closed where it can't be known."""

    def __init__(self, engine: AsyncEngine, metrics: SemanticMetrics, log: Logger) -> None:
        self._engine = engine
        self._metrics = metrics
        self._log = log
        self._known: OrderedDict[tuple[str, bytes, float], _Known] = OrderedDict()

    async def of(self, tenant: str, group: Group) -> Rule:
        """The rule of a tenant's group, at most 5 s old."""
        key = (tenant, group.key, group.target)
        known = self._known.get(key)
        if known is not None and known.until > time.monotonic():
            return known.rule
        try:
            async with tenant_transaction(self._engine, tenant) as connection:
                row: Any = await outcomes.rule_of(connection, group)
        except PenstockError as error:
            self._log.warning("semantic_rule_unknown", reason=error.message)
            row = None
        rule = CLOSED if row is None else Rule(tuple(row[0]), *row[1:])
        self._keep(tenant, group, rule)
        return rule

    def forget(self) -> None:
        """Read every rule anew."""
        self._known.clear()

    async def learn_from(self, connection: AsyncConnection, tenant: str, group: Group, *, surprised: bool) -> None:
        """Count an outcome, and learn where enough have come, or a hit would have been wrong."""
        new, known = await outcomes.one_more(connection, tenant, group)
        if not surprised and not is_due(new, known):
            return
        rows = await outcomes.outcomes(connection, group.key, WINDOW)
        seen = [Outcome(tuple(evidence), right, hit) for evidence, right, hit in rows]
        rule = await asyncio.to_thread(learn, seen, group.target)
        columns: dict[str, object] = {
            "weights": list(rule.weights),
            "threshold": rule.threshold,
            "seen": rule.seen,
            "wrong": rule.wrong,
            "bound": rule.bound,
            "watchful": rule.watchful,
        }
        await outcomes.learnt(connection, group, columns)
        self._keep(tenant, group, rule)

    def _keep(self, tenant: str, group: Group, rule: Rule) -> None:
        self._known[tenant, group.key, group.target] = _Known(rule, time.monotonic() + _FRESH)
        self._known.move_to_end((tenant, group.key, group.target))
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        whose = (tenant, group.model, group.key.hex()[:8])
        self._metrics.learnt(whose, seen=rule.seen, wrong=rule.wrong, bound=rule.bound)
