"""A change is told to every process, and counts there at once."""

import asyncio
import time

from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Authenticator
from contracts.errors import ErrorCode, PenstockError
from infra.access.changes import Changes, Listener
from infra.access.credentials import Credentials
from infra.access.keys import ApiKeys, NewKey
from infra.broker import Connection, connect
from infra.settings import Settings
from infra.streams import ACCESS
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline

REPLICAS = 2


class Replica:
    """What an API process knows of keys, and when it was `told` of a change."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.authenticator = Authenticator(Credentials(engine).find)
        self.told = asyncio.Event()
        self.listener = Listener(self.authenticator.forget, self.told.set)

    async def lets_in(self, key: str) -> bool:
        try:
            await self.authenticator.authenticate(f"Bearer {key}")
        except PenstockError as error:
            assert error.code is ErrorCode.INVALID_API_KEY
            return False
        return True


async def joined(settings: Settings, replica: Replica, log: RecordedLog) -> Connection:
    connection = await connect(settings, "test", log.logger, back=[replica.listener.back])
    await replica.listener.open(connection.client)
    await connection.client.flush()
    return connection


async def test_a_revocation_counts_on_every_replica_within_a_second(
    provisioned: Settings, engine: AsyncEngine, keys: ApiKeys, log: RecordedLog
):
    made = await keys.create("cli:ada", NewKey("acme"), makes_tenant=True)
    replicas = [Replica(engine) for _ in range(REPLICAS)]
    connections = [await joined(provisioned, each, log) for each in replicas]
    try:
        # Just read: it would be remembered for half a second, and let in for a whole one.
        assert [await each.lets_in(made.text) for each in replicas] == [True] * REPLICAS
        began = time.monotonic()
        await keys.revoke("cli:ada", made.key.id)
        assert await Changes(connections[0].js, log.logger).announce("cli:ada")
        await asyncio.wait_for(asyncio.gather(*(each.told.wait() for each in replicas)), 5)
        assert [await each.lets_in(made.text) for each in replicas] == [False] * REPLICAS
        assert time.monotonic() - began < 1.0
    finally:
        await asyncio.gather(*(each.close() for each in connections))


async def test_a_change_that_can_not_be_told_is_logged_and_made_all_the_same(
    pipeline: Pipeline, engine: AsyncEngine, keys: ApiKeys, log: RecordedLog
):
    made = await keys.create("cli:ada", NewKey("acme"), makes_tenant=True)
    await pipeline.client.jetstream().delete_stream(f"KV_{ACCESS}")
    assert not await Changes(pipeline.client.jetstream(), log.logger).announce("cli:ada")
    assert len(log.events("change_not_announced")) == 1
    assert await Replica(engine).lets_in(made.text)
