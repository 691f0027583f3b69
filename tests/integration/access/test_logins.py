"""Logins that fail at one API process count at the others."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import nats
import pytest

from infra.access.logins import FailedLogins
from infra.access.logins_elsewhere import LoginsElsewhere
from tests.support.servers import Server
from tests.support.waiting import eventually

NETWORK, KEY = "192.0.2.1", "00aa"


@pytest.fixture
async def doors(nats_server: Server) -> AsyncIterator[Sequence[FailedLogins]]:
    """Of three processes, each with a connection of its own. Four failures are too many."""
    clients = [await nats.connect(nats_server.url) for _ in range(3)]
    doors = [FailedLogins(4) for _ in clients]
    for client, failures in zip(clients, doors, strict=True):
        await LoginsElsewhere(failures).open(client)
        await client.flush()
    yield doors
    for client in clients:
        await client.close()


async def test_processes_have_one_limit_together(doors: Sequence[FailedLogins]):
    for failures in (doors[0], doors[1], doors[0]):
        failures.add(NETWORK, KEY)
    doors[2].add("198.51.100.7", KEY)

    async def is_full() -> bool:
        return all(failures.wait("203.0.113.9", KEY) > 0 for failures in doors)

    await eventually(is_full, within=10, what="a process still lets the fifth guess of a key through")
    assert [failures.wait(NETWORK, "00bb") for failures in doors] == [0, 0, 0], "three failures of an address are few"
    doors[1].add(NETWORK, "00bb")

    async def is_known() -> bool:
        return all(failures.wait(NETWORK, "00cc") > 0 for failures in doors)

    await eventually(is_known, within=10, what="an address that failed four times still may try")


async def test_what_fails_before_nats_is_there_counts_here():
    failures = FailedLogins(1)
    LoginsElsewhere(failures)
    failures.add(NETWORK, None)
    await asyncio.sleep(0)
    assert failures.wait(NETWORK, None) > 0
