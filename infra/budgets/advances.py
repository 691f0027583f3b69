"""Money that a process sets aside for a payer's next calls, so that they need not wait for PostgreSQL (ADR 0033).

It is reserved like a call, in the same place and before any call that it is for, so no budget is ever overshot. A call
that takes of it is booked a moment later: it gets a reservation of its own out of it, which the ledger's row settles as
any other; if that row is there first, what the call took is given up.

Money is set aside only for who calls often and while there is plenty left. It is handed back when nobody has called for
a second, and when anybody would be refused for its sake. It pays only for calls of the day on which it was reserved.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects
from contracts.errors import PenstockError
from infra.budgets.advance_rows import AdvanceRows
from infra.budgets.reservation import AHEAD, Refusal, Reservation, Reservations
from infra.upkeep import BEHIND, OFTEN, Upkeep

LOT = 8
"""So many calls of the largest are set aside for, and as much again when half of it is taken."""
_PLENTY, _SHARE = 8 * LOT, 10
"""There is plenty in a budget that has so many calls left, and one dollar in so many of all that it has."""
_MARGIN = timedelta(seconds=10)
"""What is booked of it is booked before it expires."""
_SETTLE = 0.02
"""Seconds in which others hand back what they have set aside."""
_AGAIN = 1.0
_MOST = 10_000

_Payer = tuple[str, str, str | None]


class Advance(Upkeep):
    """One payer's. `left` dollars are nobody's yet; `size` is the amount of the largest call lately."""

    def __init__(self, first: Reservation) -> None:
        super().__init__()
        self.reservation = replace(first, request_id=AHEAD + uuid.uuid4().hex, attempt=1, amount=Decimal(0))
        self.left = Decimal(0)
        self.size = first.amount
        self.longest = first.expires_at - first.started_at + _MARGIN
        self.calls: list[Reservation] = []
        """What was taken of it and is not booked yet."""

    def covers(self, call: Reservation) -> bool:
        """Whether a call of the same day can be paid of it."""
        own = self.reservation
        same_day = call.started_at.astimezone(UTC).date() == own.started_at.astimezone(UTC).date()
        return not self.over and call.amount <= self.left and same_day and call.started_at + _MARGIN < own.expires_at


class Advances:
    """What a process has set aside."""

    def __init__(
        self,
        reservations: Reservations,
        client: Client,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reservations = reservations
        self._clock = clock
        self._rows = AdvanceRows(reservations.session)
        self._client = client
        self._advances: dict[_Payer, Advance] = {}
        self._last: dict[_Payer, float] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        reservations.recall = self._recall

    async def open(self) -> None:
        """Listen to those who need money back."""
        await self._client.subscribe(subjects.advances_recalled(), cb=self._on_recall)

    async def close(self) -> None:
        """Hand back everything."""
        self._closing.set()
        self.end_all()
        await asyncio.gather(*self._keeping)

    def end_all(self) -> None:
        """Budgets may be others than they were: they are asked again."""
        for advance in self._advances.values():
            advance.end()

    def cover(self, call: Reservation) -> bool:
        """Whether a call is paid of what was set aside, and may be made."""
        advance = self._advances.get(_payer(call))
        if advance is None:
            return False
        advance.size = max(advance.size, call.amount)
        advance.use()
        if not advance.covers(call):
            return False
        advance.left -= call.amount
        advance.calls.append(call)
        return True

    def reserved(self, call: Reservation) -> None:
        """A call has a reservation of its own: if its payer calls often, money is set aside for the next ones."""
        payer, now = _payer(call), asyncio.get_running_loop().time()
        last = self._last.get(payer)
        if len(self._last) >= _MOST:
            self._last.clear()
        self._last[payer] = now
        if last is None or now - last > OFTEN or payer in self._advances or len(self._advances) >= _MOST:
            return
        advance = self._advances[payer] = Advance(call)
        task = asyncio.create_task(self._keep(payer, advance))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep(self, payer: _Payer, advance: Advance) -> None:
        try:
            await asyncio.sleep(BEHIND)
            last = advance.last
            while await self._set_aside(advance) and await advance.used_since(last):
                last = advance.last
                await self._book(advance)
        except PenstockError:
            # The database is away: calls ask it themselves, and are told.
            pass
        finally:
            advance.end()
            del self._advances[payer]
            self._last[payer] = advance.last
        await self._wind_up(advance)

    async def _wind_up(self, advance: Advance) -> None:
        """Hand back what nobody took. What can't be said now, or later, stays set aside until it expires."""
        while advance.reservation.amount and self._clock() < advance.reservation.expires_at:
            try:
                await self._book(advance)
                await self._rows.hand_back(advance.reservation)
            except PenstockError:
                if self._closing.is_set():
                    return
            else:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN):
                    await self._closing.wait()

    async def _set_aside(self, advance: Advance) -> bool:
        """Whether there is enough after it. Raises `PenstockError`."""
        if advance.left > LOT // 2 * advance.size:
            return True
        more = LOT * advance.size - advance.left
        if not is_plenty(await self._rows.room(advance.reservation), advance.size, more):
            return False
        taken = sum((call.amount for call in advance.calls), Decimal(0))
        own = advance.reservation
        until = self._clock() + advance.longest
        advance.reservation = replace(own, amount=taken + advance.left + more, expires_at=until)
        if await self._reservations.ask(advance.reservation) is not None:
            return False
        advance.left += more
        return True

    async def _book(self, advance: Advance) -> None:
        """Raises `PenstockError`; what was done before it may be done again."""
        if not (calls := tuple(advance.calls)):
            return
        if await self._rows.book(advance.reservation, calls):
            self._reservations.remember(calls)
        else:
            # The server has forgotten what was set aside: it was killed.
            advance.end()
            for call in calls:
                await self._reservations.insist(call)
        del advance.calls[: len(calls)]

    async def _recall(self, call: Reservation, refusal: Refusal) -> bool:
        if not await self._rows.would_fit(call, refusal):
            return False
        whose = call.organisation if refusal.kind == "organisation" else call.tenant
        # Without a connection no call can be entered either, and that is told.
        with suppress(nats.errors.Error, OSError):
            await self._client.publish(subjects.advances_recalled(), orjson.dumps({"whose": whose}))
        await asyncio.sleep(_SETTLE)
        return True

    async def _on_recall(self, message: Msg) -> None:
        whose = orjson.loads(message.data)["whose"]
        for (organisation, tenant, _), advance in self._advances.items():
            if whose in {organisation, tenant}:
                advance.end()


def is_plenty(room: Sequence[tuple[Decimal, Decimal]], size: Decimal, more: Decimal) -> bool:
    """Whether, with so much `more` set aside, all budgets have so much left that it is nobody's loss."""
    return all(left - more >= max(_PLENTY * size, amount / _SHARE) for amount, left in room)


def _payer(reservation: Reservation) -> _Payer:
    return (reservation.organisation, reservation.tenant, reservation.key_id)
