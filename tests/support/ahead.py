"""Processes that take places ahead in windows of limits, each on a connection of its own, with one clock."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import nats
from nats.aio.client import Client

from infra.counters import Counters
from infra.limits.ahead import Ahead
from infra.limits.counted import Asked, Full, Kind, Passed, unpacked, unpacked_places
from infra.limits.reading import subject_of
from infra.limits.window import bucket_of
from infra.publish_acks import PublishAcks
from tests.support.clock import Clock
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually

NOW = 1_700_000_002.0
TENANT = "places.tenant"
"""The counter that is looked at."""


@dataclass
class Process:
    """One that counts, on a connection of its own."""

    name: str
    client: Client
    ahead: Ahead
    clock: Clock[float]
    passed: list[Passed] = field(default_factory=list)
    refused: list[Full] = field(default_factory=list)
    asked: int = 0

    async def ask(self, of: Sequence[Asked], key: str | None = None) -> Passed | Full:
        """Something that nobody has asked before, unless there is a key."""
        self.asked += 1
        found = await self.ahead.count(of, key or f"{self.name}{self.asked}")
        if isinstance(found, Passed):
            self.passed.append(found)
        else:
            self.refused.append(found)
        return found

    async def ask_until_refused(self, of: Sequence[Asked]) -> None:
        """One after the other."""
        while isinstance(await self.ask(of), Passed):
            pass

    async def warm_up(self, of: Sequence[Asked]) -> None:
        """Ask until places are there, of which one has been given."""
        before = await self.held()
        await self.ask(of)
        await self.ask(of)
        await eventually(partial(self._more_than, before), what="no places were taken")
        given = await self.ask(of)
        assert isinstance(given, Passed)

    async def _more_than(self, before: int) -> bool:
        return await self.held() > before

    async def held(self, at: float | None = None) -> int:
        """How many places the tenant's counter holds, whoever took them, in the bucket of now or another moment."""
        return unpacked_places(await self._value(at))

    async def counted(self, kind: Kind = Kind.REQUESTS, at: float | None = None) -> int:
        return unpacked(kind, await self._value(at))

    async def none_is_held(self, at: float | None = None) -> bool:
        return await self.held(at) == 0

    async def _value(self, at: float | None) -> int:
        counters = Counters(PublishAcks(self.client), self.client.jetstream(timeout=5), "test")
        return await counters.value(subject_of(TENANT, bucket_of(self.clock.now if at is None else at)))


K = TypeVar("K", bound=Counters)


async def counters_on(stack: AsyncExitStack, pipeline: Pipeline, kind: type[K]) -> tuple[Client, K]:
    """A connection of its own, and the counters as a process sees them that has it."""
    client = await nats.connect(pipeline.settings.nats_url.unicode_string())
    stack.push_async_callback(client.close)
    acks = PublishAcks(client)
    await acks.open()
    return client, kind(acks, client.jetstream(timeout=5), "test")


@asynccontextmanager
async def processes(pipeline: Pipeline, names: str, *, deaf: str = "") -> AsyncIterator[list[Process]]:
    """A process for each letter, with one clock; what they hold is handed back as they end. Those that are `deaf` do
    not hear that places are recalled, like one that hangs.
    """
    clock = Clock(NOW)
    async with AsyncExitStack() as stack:
        made = []
        for name in names:
            client, counters = await counters_on(stack, pipeline, Counters)
            ahead = Ahead(counters, client, clock)
            if name not in deaf:
                await ahead.open()
            stack.push_async_callback(ahead.close)
            made.append(Process(name, client, ahead, clock))
        yield made
