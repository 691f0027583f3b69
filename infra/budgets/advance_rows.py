"""Money that is set aside, in PostgreSQL: a reservation of which those of calls are made."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg

from infra.budgets.reservation import Refusal, Reservation
from infra.database.session import Session

_BOOK = """
SELECT book_calls(%s, %s, %s::text[], %s::bigint[], %s::numeric[], %s::timestamptz[], %s::timestamptz[])
"""
_HAND_BACK = """
SELECT settle_budgets(ARRAY[%s::text], ARRAY[%s::text], ARRAY[%s::text], ARRAY[%s::text], ARRAY[1]::bigint[],
    ARRAY[%s::timestamptz], ARRAY[0]::numeric[])
"""
_ROOM = """
SELECT b.amount_usd, CASE WHEN x.budget_id IS NULL THEN 0 ELSE b.amount_usd - x.spent - x.reserved END
FROM budgets_of(ROW(%(organisation)s, %(tenant)s, %(key)s, %(at)s)::budget_scope) b
LEFT JOIN budget_balances x
    ON x.budget_id = b.id AND x.period_start = budget_period_start(b.period, %(at)s::timestamptz)
"""
_WOULD_FIT = """
SELECT x.spent + x.reserved + %(amount)s
    - budget_set_aside(b.kind, b.subject_id, b.period, x.period_start, %(organisation)s) <= b.amount_usd
FROM budgets b JOIN budget_balances x
    ON x.budget_id = b.id AND x.period_start = budget_period_start(b.period, %(at)s::timestamptz)
WHERE b.kind = %(kind)s AND b.subject_id = %(subject)s AND b.period = %(period)s
"""


class AdvanceRows:
    """Every method raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def book(self, advance: Reservation, calls: Sequence[Reservation]) -> bool:
        """Make reservations of their own for calls, out of what was set aside; what the ledger has already needs none.
        Said again, it changes nothing.

        False where that is not there, or not so much, or a call had less reserved before: some may have none then.
        """
        # One that was delivered again at once is there twice.
        each = {(c.request_id, c.attempt): c for c in calls}.values()
        columns = zip(*((c.request_id, c.attempt, c.amount, c.started_at, c.expires_at) for c in each), strict=True)
        values = (advance.tenant, advance.request_id, *(list(column) for column in columns))
        rows = await self._session.run(lambda connection: _rows(connection, _BOOK, values))
        return bool(rows[0][0])

    async def hand_back(self, advance: Reservation) -> None:
        """What is left of it can be anybody's."""
        whose = (advance.organisation, advance.tenant, advance.key_id)
        values = (*whose, advance.request_id, advance.started_at)
        await self._session.run(lambda connection: connection.execute(_HAND_BACK, values))

    async def room(self, advance: Reservation) -> list[tuple[Decimal, Decimal]]:
        """Of each budget that it counts against: the amount, and how much of that is neither spent nor reserved."""
        whose = {"organisation": advance.organisation, "tenant": advance.tenant, "key": advance.key_id}
        values = {**whose, "at": advance.started_at}
        return await self._session.run(lambda connection: _rows(connection, _ROOM, values))

    async def would_fit(self, reservation: Reservation, refusal: Refusal) -> bool:
        """Whether the budget that refused it has so much left, or will once all that is set aside is handed back."""
        of = {"kind": refusal.kind, "subject": refusal.subject, "period": refusal.period}
        whose = {"organisation": reservation.organisation, "at": reservation.started_at}
        values = {**of, **whose, "amount": reservation.amount}
        rows = await self._session.run(lambda connection: _rows(connection, _WOULD_FIT, values))
        return any(fits for (fits,) in rows)


async def _rows(
    connection: psycopg.AsyncConnection[Any], query: str, values: Mapping[str, Any] | Sequence[Any]
) -> list[Any]:
    return await (await connection.execute(query, values)).fetchall()
