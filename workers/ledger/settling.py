"""What the ledger's changes mean for budgets. Pure, but for the settling itself."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from infra.budgets.settlement import Spent, settle
from infra.telemetry.metrics import BudgetMetrics
from workers.ledger.writer import Change, Entry


class Settlement:
    """Settles a batch in its transaction. `due` is set where alerts may be due by it."""

    def __init__(self, due: asyncio.Event, metrics: BudgetMetrics) -> None:
        self._due = due
        self._metrics = metrics

    async def settle(self, connection: AsyncConnection, changes: Sequence[Change]) -> None:
        """See `infra.budgets.settlement.settle`."""
        self._metrics.unpriced.inc(sum(change.after.cost_usd is None for change in changes))
        if await settle(connection, list(spent_by(changes))):
            self._due.set()


def spent_by(changes: Sequence[Change]) -> Iterator[Spent]:
    """What each row costs, less what the estimate did that it took the place of. An unknown cost adds nothing."""
    for change in changes:
        yield _spent(change.after, 1)
        if change.before is not None:
            yield _spent(change.before, -1)


def _spent(entry: Entry, sign: int) -> Spent:
    return Spent(
        organisation=entry.organisation_id,
        tenant=entry.tenant_id,
        key_id=entry.key_id,
        request_id=entry.request_id,
        attempt=entry.attempt,
        started_at=entry.started_at,
        cost=sign * (entry.cost_usd or Decimal(0)),
    )
