"""One server with accounts for a test process, Penstock's streams in it, and the credentials of two tenants."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest

from infra.nats_auth.accounts import accounts
from infra.nats_auth.files import NatsAuthFiles
from infra.nats_auth.generate import read_operator
from infra.nats_auth.operator import Operator
from infra.settings import Settings
from infra.streams import stream_configs
from tests.support.accounts import OTHER, OWN, Broker
from tests.support.servers import Server, running_private_nats


@pytest.fixture(scope="session")
def private() -> Iterator[tuple[Server, NatsAuthFiles]]:
    with running_private_nats() as (server, files):
        asyncio.run(_prepare(server.url, files))
        yield server, files


async def _prepare(url: str, files: NatsAuthFiles) -> None:
    client = await nats.connect(url, user_credentials=files.service_creds)
    for config in stream_configs(Settings()):
        await client.jetstream().add_stream(config)
    await client.close()


@pytest.fixture(scope="session")
def operator(private: tuple[Server, NatsAuthFiles]) -> Operator:
    return read_operator(private[1].operator_seed)


@pytest.fixture(scope="session")
def creds(private: tuple[Server, NatsAuthFiles], operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the credentials of both tenants."""
    directory = tmp_path_factory.mktemp("creds")

    async def issue() -> None:
        async with accounts(private[0].url, operator) as known:
            for tenant in (OWN, OTHER):
                NatsAuthFiles(directory).tenant_creds(tenant).write_text((await known.issue(tenant)).text())

    asyncio.run(issue())
    return directory


@pytest.fixture
async def broker(private: tuple[Server, NatsAuthFiles], creds: Path) -> AsyncIterator[Broker]:
    url, files = private[0].url, NatsAuthFiles(creds)
    paths = files.tenant_creds(OWN), files.tenant_creds(OTHER), private[1].service_creds
    clients = [await nats.connect(url, user_credentials=path) for path in paths]
    yield Broker(url, *clients)
    for client in clients:
        await client.close()
