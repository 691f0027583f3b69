"""Which consumers have a worker that lives? The workers' own event loops are asked, by core NATS.

A consumer that has a reader says little: the server knows a subscription, and a process that is stopped, or whose event
loop hangs, keeps its own until its connection is given up.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects


async def answer_for(client: Client, durables: Callable[[], Iterable[str]]) -> None:
    """From now on, tell who asks which durables this process reads."""

    async def answer(message: Msg) -> None:
        await message.respond(orjson.dumps(list(durables())))

    await client.subscribe(subjects.readers_asked(), cb=answer)


async def living_readers(client: Client, wanted: Collection[str], patience: float) -> set[str]:
    """The durables that processes say they read: once all of `wanted` are among them, or after `patience` seconds.

    An empty set where the broker is away.
    """
    found: set[str] = set()
    enough = asyncio.Event()

    async def hear(message: Msg) -> None:
        found.update(orjson.loads(message.data))
        if found.issuperset(wanted):
            enough.set()

    inbox = client.new_inbox()
    # TimeoutError is an OSError: who has not answered by then does not.
    with suppress(nats.errors.Error, OSError):
        subscription = await client.subscribe(inbox, cb=hear)
        try:
            await client.publish(subjects.readers_asked(), reply=inbox)
            async with asyncio.timeout(patience):
                await enough.wait()
        finally:
            await subscription.unsubscribe()
    return found
