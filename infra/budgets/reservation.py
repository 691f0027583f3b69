"""What a call may cost is taken out of its budgets before it is made: one round trip to PostgreSQL (ADR 0020).

A reservation is there for everybody at once, and on the disk a moment later: nobody waits for the disk before a call.
Should the server die in that moment, what it forgot is said to it again by whoever reserved it.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from contracts.errors import ErrorCode, PenstockError
from infra.database.batches import Batcher
from infra.database.prepared import Prepared
from infra.database.recent import Recent
from infra.database.session import Session

AHEAD = "ahead."
"""How the id begins, in a request's place, of money that is set aside for calls to come."""
_AT_ONCE = 100
_RESERVE = """
SELECT kind, subject_id, period, amount_usd, extract(epoch FROM ends_at)
FROM reserve_budget({}, {}, {}, {}, {}::bigint, {}::numeric, {}::timestamptz, {}::timestamptz, {}::boolean)
"""
_IN_A_PIPELINE = _RESERVE.format(*["%s"] * 9)
_PATIENCE = 0.5
"""Seconds in which what was set aside is handed back. What is not by then has lost its process."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The most that one call can cost, in dollars, and when it began. `key_id` is a key of the tenant's, or None.

    Nobody settles what a worker did not live to make: from `expires_at` on it may be given up.
    """

    organisation: str
    tenant: str
    key_id: str | None
    request_id: str
    attempt: int
    amount: Decimal
    started_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """The budget that is too small for a reservation; `ends_at` is when its period does, None for one in total."""

    kind: str
    subject: str
    period: str
    amount: Decimal
    ends_at: datetime | None


Recall = Callable[[Reservation, Refusal], Awaitable[bool]]
"""Asks whoever has set money aside to hand it back. False where that would not make room for the reservation."""


@dataclass(slots=True)
class _Asked:
    reservation: Reservation
    refusal: Refusal | None = None


class Reservations:
    """Reserves for the calls of a process: those that come while a round trip is on its way share the next one."""

    def __init__(self, url: str, stage: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.session = Session(url, stage, self._say_again)
        self.recall: Recall | None = None
        self.on_lost: Callable[[], None] | None = None
        """Is called when the connection was lost: the server may have forgotten what was set aside."""
        self._stage = stage
        self._clock = clock
        self._one = Prepared("reserve_budget", _RESERVE.format(*(f"${number}" for number in range(1, 10))))
        self._batcher: Batcher[_Asked] = Batcher(self._reserve_all, _AT_ONCE, 0.0)
        self._recent: Recent[Reservation] = Recent()

    async def reserve(self, reservation: Reservation) -> None:
        """Take it out of every budget that it counts against, or out of none. Asked again for the same attempt, it is
        the same reservation, of the amount that was named last.

        Raises `PenstockError`: `insufficient_quota` where a budget has not so much left; `pipeline_unavailable`,
        retryable, where the database can't be reached.
        """
        refusal = await self.ask(reservation)
        until = time.monotonic() + _PATIENCE
        while refusal is not None and self.recall is not None and await self.recall(reservation, refusal):
            refusal = await self.ask(reservation)
            if time.monotonic() > until:
                break
        if refusal is not None:
            raise refused(refusal, self._stage, self._clock())

    async def ask(self, reservation: Reservation) -> Refusal | None:
        """The same, without asking anybody to hand something back; why it may not be, instead of raising that."""
        asked = _Asked(reservation)
        if self.session.idle:
            # Sent before anything else that this process has to do.
            await self._reserve_all([asked])
        else:
            await self._batcher.add(asked)
        return asked.refusal

    async def insist(self, reservation: Reservation) -> None:
        """Reserve it whatever is left: its call is under way."""
        await self.session.run(lambda connection: self._call(connection, [reservation], unasked=True))
        self.remember([reservation])

    def remember(self, reservations: Sequence[Reservation]) -> None:
        """They are in force: should the server forget them, it is told again."""
        self._recent.add(reservations, time.monotonic())

    async def close(self) -> None:
        """Give the connection back."""
        await self.session.close()

    async def _reserve_all(self, asked: list[_Asked]) -> None:
        reservations = [one.reservation for one in asked]
        refusals = await self.session.run(lambda connection: self._call(connection, reservations))
        for one, refusal in zip(asked, refusals, strict=True):
            one.refusal = refusal
        self.remember([one.reservation for one in asked if one.refusal is None and not is_advance(one.reservation)])

    async def _say_again(self, connection: psycopg.AsyncConnection[Any], _: float) -> None:
        if self.on_lost is not None:
            self.on_lost()
        now = self._clock()
        if again := [reservation for reservation in self._recent if reservation.expires_at > now]:
            await self._call(connection, again, unasked=True)

    async def _call(
        self, connection: psycopg.AsyncConnection[Any], reservations: Sequence[Reservation], *, unasked: bool = False
    ) -> list[Refusal | None]:
        """Reserve, each in a transaction of its own, all in one round trip. `unasked` reserves whatever is left."""
        if len(reservations) == 1:
            rows = await self._one.run(connection, _values(reservations[0], unasked=unasked))
            return [_refusal(rows[0]) if rows else None]
        async with connection.pipeline() as pipeline:
            cursors = []
            for reservation in reservations:
                cursor = connection.cursor(row_factory=tuple_row)
                cursors.append(await cursor.execute(_IN_A_PIPELINE, _values(reservation, unasked=unasked)))
                await pipeline.sync()
            found = [await cursor.fetchone() for cursor in cursors]
        return [None if row is None else _refusal(row) for row in found]


def _values(one: Reservation, *, unasked: bool) -> tuple[str | None, ...]:
    whose = (one.organisation, one.tenant, one.key_id, one.request_id, str(one.attempt))
    return (*whose, str(one.amount), one.started_at.isoformat(), one.expires_at.isoformat(), str(unasked))


def _refusal(row: tuple[Any, ...]) -> Refusal:
    kind, subject, period, amount, ends = row
    ends_at = None if ends is None else datetime.fromtimestamp(float(ends), UTC)
    return Refusal(kind, subject, period, Decimal(amount), ends_at)


def is_advance(reservation: Reservation) -> bool:
    """Whether it is money that was set aside, and no call's. A caller's request has no such id."""
    return reservation.request_id.startswith(AHEAD)


def refused(refusal: Refusal, stage: str, now: datetime) -> PenstockError:
    """What the caller is told: which budget, and when there is more. The same request fails until then."""
    when = {"day": "a day", "month": "a month", "total": "in total"}[refusal.period]
    message = f"the budget of this {refusal.kind}, {refusal.amount.normalize():f} dollars {when}, has too little left"
    after: float | None = None
    if refusal.ends_at is not None:
        message += f" for this request; the next period begins at {refusal.ends_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        after = max((refusal.ends_at - now).total_seconds(), 1.0)
    else:
        message += " for this request"
    return PenstockError(ErrorCode.INSUFFICIENT_QUOTA, message, stage=stage, retry_after=after)
