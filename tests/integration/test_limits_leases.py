"""Requests that are open at the same time, in PostgreSQL: exact, and nobody's for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts.errors import ErrorCode, PenstockError
from infra.limits.leases import Leases, Scope
from tests.support.database import Database
from tests.support.limits import opened

KEY, TENANT = Scope("concurrent.key", 10), Scope("concurrent.tenant", 15)


@pytest.fixture
async def leases(database: Database) -> AsyncIterator[list[Leases]]:
    """Of four processes."""
    made = [Leases(database.url, "test") for _ in range(4)]
    yield made
    for each in made:
        await each.end()


def soon(seconds: float = 60) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_of_many_at_once_exactly_as_many_are_open_as_may_be(leases: list[Leases], database: Database) -> None:
    asked = [leases[n % 4].open("acme", f"r{n}", (KEY, TENANT), soon()) for n in range(60)]
    full = await asyncio.gather(*asked)
    assert (full.count(None), full.count(0)) == (10, 50)
    others = await asyncio.gather(*(leases[n % 4].open("acme", f"o{n}", (TENANT,), soon()) for n in range(20)))
    assert others.count(None) == 5
    assert await opened(database) == 10 * 2 + 5


async def test_one_that_has_ended_makes_room_and_is_not_opened_again_by_a_late_delivery(leases: list[Leases]) -> None:
    one = Scope("concurrent.one", 1)
    assert await leases[0].open("acme", "first", (one,), soon()) is None
    assert await leases[1].open("acme", "first", (one,), soon()) is None, "the same message, handled again"
    assert await leases[1].open("acme", "second", (one,), soon()) == 0
    assert await leases[1].open("other", "first", (one,), soon()) == 0, "another tenant's of the same id"
    for _ in range(2):
        await leases[2].close("acme", "first")
    assert await leases[0].open("acme", "first", (one,), soon()) is None
    assert await leases[1].open("acme", "second", (one,), soon()) is None


async def test_one_whose_holder_died_counts_until_its_time_is_over(leases: list[Leases], database: Database) -> None:
    one = Scope("concurrent.one", 1)
    assert await leases[0].open("acme", "dead", (one,), soon()) is None
    assert await leases[0].open("acme", "next", (one,), soon()) == 0
    await database.execute("UPDATE open_requests SET expires_at = now() - interval '1 second'")
    assert await leases[0].open("acme", "next", (one,), soon()) is None
    assert await leases[0].sweep() == 1
    assert await opened(database) == 1


async def test_a_server_that_died_and_forgot_what_was_closed_last_is_told_again(
    leases: list[Leases], database: Database
) -> None:
    for name in ("one", "two"):
        await leases[0].open("acme", name, (KEY,), soon())
        await leases[0].close("acme", name)
    await database.execute("UPDATE open_requests SET open = true, expires_at = now() + interval '1 hour'")
    await database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname = current_database()"
    )
    assert await leases[0].open("acme", "three", (KEY,), soon()) is None
    assert await opened(database) == 1


async def test_without_a_database_nothing_is_let_in_uncounted() -> None:
    away = Leases("postgresql://nobody@127.0.0.1:1/none", "test")
    with pytest.raises(PenstockError) as raised:
        await away.open("acme", "any", (KEY,), soon())
    assert raised.value.code is ErrorCode.PIPELINE_UNAVAILABLE
    assert raised.value.retryable
