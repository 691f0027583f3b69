"""Processes that set money aside, without a worker around them, and what the database says of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import nats

from infra.budgets.advances import Advances
from infra.budgets.reservation import AHEAD, Reservation, Reservations
from tests.support.budgets import NOON, call, granted, reserving
from tests.support.clock import Clock
from tests.support.database import Database
from tests.support.servers import Server
from tests.support.waiting import eventually


@dataclass(slots=True)
class Process:
    """Asks as a provider worker does. `made` are its calls that were granted, `covered` how many of them at once."""

    reservations: Reservations
    advances: Advances
    clock: Clock[datetime]
    made: list[Reservation] = field(default_factory=list)
    covered: int = 0

    async def call(self, amount: str = "0.01", **fields: Any) -> bool:
        """Whether a call may be made."""
        wanted = call(amount, **{"started_at": self.clock.now, **fields})
        if self.advances.cover(wanted):
            self.covered += 1
        elif await granted(self.reservations, wanted):
            self.advances.reserved(wanted)
        else:
            return False
        self.made.append(wanted)
        return True

    async def warm(self) -> None:
        """Call until a call is covered."""
        before = self.covered

        async def is_covered() -> bool:
            assert await self.call()
            return self.covered > before

        await eventually(is_covered, what="no call is covered")


@asynccontextmanager
async def process(database: Database, server: Server) -> AsyncIterator[Process]:
    """A process on connections of its own, at `NOON` by its clock; it hands back what it has when it ends."""
    client = await nats.connect(server.url)
    try:
        async with reserving(database) as reservations:
            clock = Clock(NOON)
            advances = Advances(reservations, client, clock)
            await advances.open()
            await client.flush()
            try:
                yield Process(reservations, advances, clock)
            finally:
                await advances.close()
    finally:
        await client.close()


def ahead(amount: str, **fields: Any) -> Reservation:
    """Money that is set aside, by a process that a test does not have."""
    made = call(amount, **fields)
    return call(amount, **{**fields, "request_id": AHEAD + made.request_id})


async def set_aside(database: Database) -> dict[str, Decimal]:
    """What is set aside, by id."""
    rows = await database.rows("SELECT request_id, amount FROM budget_reservations WHERE request_id LIKE 'ahead.%%'")
    return {row["request_id"]: row["amount"] for row in rows}


async def nothing_is_set_aside(database: Database) -> None:
    """Wait until all is handed back."""

    async def none() -> bool:
        return not await set_aside(database)

    await eventually(none, what="money is still set aside")


async def reserved_for(database: Database, reservation: Reservation) -> list[Decimal]:
    """What is reserved for a request, in no order."""
    query = "SELECT amount FROM budget_reservations WHERE request_id = %(request_id)s"
    return [row["amount"] for row in await database.rows(query, request_id=reservation.request_id)]


@asynccontextmanager
async def always_adding_up(database: Database) -> AsyncIterator[None]:
    """At each look, of each budget: what is reserved is the sum of the reservations, and nothing is overshot."""
    query = """
        SELECT b.id, x.spent + x.reserved <= b.amount_usd AND x.reserved = (
            SELECT coalesce(sum(r.amount), 0) FROM budget_reservations r WHERE CASE b.kind
                WHEN 'organisation' THEN r.organisation_id = b.subject_id
                WHEN 'tenant' THEN r.tenant_id = b.subject_id ELSE r.key_id = b.subject_id END) AS good, x.*
        FROM budgets b JOIN budget_balances x ON x.budget_id = b.id
    """
    looks = itertools.count()
    over = asyncio.Event()

    async def look() -> int:
        while True:
            rows = await database.rows(query)
            assert all(row["good"] for row in rows), rows
            seen = next(looks)
            if over.is_set():
                return seen

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        over.set()
        assert await looking


async def lose_connections(database: Database) -> None:
    """Of all processes."""
    await database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
