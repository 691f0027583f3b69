"""One platform for each test process: `penstock up --processes`, ended whatever becomes of the tests."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from nats.aio.client import Client

from tests.faults.instance import ROOM, SLOTS, Instance
from tests.faults.load import session_with
from tests.faults.wire import connected
from tests.support.homes import home_directory
from tests.support.simulator import running_simulator


@pytest.fixture(scope="package")
def instance() -> Iterator[Instance]:
    """The platform, with queues and a provider's slots few enough to fill."""
    with running_simulator() as simulator, home_directory() as home:
        instance = Instance(home, simulator.url, queue_messages=ROOM, provider_concurrency=SLOTS)
        try:
            asyncio.run(instance.start())
            yield instance
        finally:
            asyncio.run(instance.stop())


@pytest.fixture
async def client(instance: Instance) -> AsyncIterator[Client]:
    """A stock NATS client."""
    async with connected(instance) as client:
        yield client


@pytest.fixture
async def http(instance: Instance) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client with the first key."""
    async with session_with(instance) as session:
        yield session
