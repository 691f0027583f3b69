"""Money that a process sets aside for a payer's next calls, so that they need not wait for PostgreSQL (ADR 0033).

It is reserved like a call, in the same place and before any call that it is for, so no budget is ever overshot. A call
that takes of it is booked a moment later: it gets a reservation of its own out of it, which the ledger's row settles as
any other. If that row is there first, it gets none, and what it took is handed back with the rest.

Money is set aside only for who calls often and while there is plenty left. It is handed back when nobody has called for
a second, and when anybody would be refused for its sake. It pays only for calls of the day on which it was reserved.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from nats.aio.client import Client

from contracts import subjects
from contracts.errors import PenstockError
from infra.budgets.advance import LOT, Advance, is_plenty
from infra.budgets.advance_rows import AdvanceRows
from infra.budgets.reservation import Refusal, Reservation, Reservations
from infra.recalls import Recalls
from infra.upkeep import BEHIND, OFTEN

_SETTLE = 0.02
"""Seconds in which others hand back what they have set aside."""
_AGAIN = 1.0
_CLOSING = 5.0
"""Seconds for handing back when the process stops. What is not by then stays set aside until it expires."""
_MOST = 10_000

_Payer = tuple[str, str, str | None]


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
        self._recalls = Recalls(client, subjects.advances_recalled(), self._end)
        self._advances: dict[_Payer, Advance] = {}
        self._last: dict[_Payer, float] = {}
        self._turn = asyncio.Lock()
        """Of what is done behind calls, one at a time: a call never waits for more than one of them."""
        self._keeping: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        reservations.recall, reservations.on_lost = self._recall, self.end_all

    async def open(self) -> None:
        """Listen to those who need money back."""
        await self._recalls.open()

    async def close(self) -> None:
        """Hand back everything."""
        self._closing.set()
        self.end_all()
        if self._keeping:
            _, late = await asyncio.wait(self._keeping, timeout=_CLOSING)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def end_all(self) -> None:
        """Budgets may be others than they were, or less may be set aside: they are asked again."""
        for advance in self._advances.values():
            advance.end()

    def cover(self, call: Reservation) -> bool:
        """Whether a call is paid of what was set aside, and may be made."""
        advance = self._advances.get(_payer(call))
        if advance is None:
            return False
        advance.size = max(advance.size, call.amount)
        advance.use()
        if not advance.lasts(call.started_at):
            advance.end()
        if not advance.covers(call):
            return False
        advance.left -= call.amount
        advance.calls.append(call)
        # A server that dies now is told of it before it is booked, and before anybody else takes that money.
        self._reservations.remember([call])
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
        if self._closing.is_set() or self._recalls.left_alone((payer, *payer[:2])):
            return
        advance = self._advances[payer] = Advance(call)
        task = asyncio.create_task(self._keep(payer, advance))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep(self, payer: _Payer, advance: Advance) -> None:
        try:
            await asyncio.sleep(BEHIND)
            last = advance.last
            while await self._set_aside(payer, advance) and await advance.used_since(last):
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
        while advance.reservation.amount:
            try:
                await self._book(advance)
                async with self._turn:
                    await self._rows.hand_back(advance.reservation)
            except PenstockError:
                if self._closing.is_set() or self._clock() > advance.needed_until:
                    return
            else:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN):
                    await self._closing.wait()

    async def _set_aside(self, payer: _Payer, advance: Advance) -> bool:
        """Whether there is enough after it. Raises `PenstockError`."""
        if advance.left > LOT // 2 * advance.size:
            return True
        async with self._turn:
            more = LOT * advance.size - advance.left
            if not is_plenty(await self._rows.room(advance.reservation), advance.size, more):
                self._recalls.leave_alone((payer,))
                return False
            if advance.over:
                return False
            # Of what calls take meanwhile, as much is in `calls` as is gone from `left`.
            taken = sum((call.amount for call in advance.calls), Decimal(0))
            own, until = advance.reservation, self._clock() + advance.longest
            advance.reservation = replace(own, amount=taken + advance.left + more, expires_at=until)
            if await self._reservations.ask(advance.reservation) is not None:
                return False
            advance.left += more
            return True

    async def _book(self, advance: Advance) -> None:
        """Raises `PenstockError`; what was done before it may be done again."""
        if not (calls := tuple(advance.calls)):
            return
        async with self._turn:
            if await self._rows.book(advance.reservation, calls):
                self._reservations.remember(calls)
            else:
                # A server that was killed has forgotten what was set aside, or a call was delivered before.
                advance.end()
                for call in calls:
                    await self._reservations.insist(call)
        del advance.calls[: len(calls)]

    async def _recall(self, call: Reservation, refusal: Refusal) -> bool:
        if not await self._rows.would_fit(call, refusal):
            return False
        whose = call.organisation if refusal.kind == "organisation" else call.tenant
        self._recalls.leave_alone((whose,))
        self._end((whose,))
        await self._recalls.ask((whose,))
        await asyncio.sleep(_SETTLE)
        return True

    def _end(self, whose: Collection[str]) -> None:
        """Of organisations or tenants, that somebody else needs what was set aside."""
        for (organisation, tenant, _), advance in self._advances.items():
            if organisation in whose or tenant in whose:
                advance.end()


def _payer(reservation: Reservation) -> _Payer:
    return (reservation.organisation, reservation.tenant, reservation.key_id)
