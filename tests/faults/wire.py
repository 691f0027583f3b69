"""What a stock NATS client sees and does: it listens to the subjects, publishes requests, asks the consumers."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.faults.instance import Instance
from tests.support.waiting import eventually

ROOT = "penstock.v1"
REQUESTED = "inference.requested"
ATTEMPTED = "inference.attempted"
TENANT = "default"


@asynccontextmanager
async def connected(instance: Instance) -> AsyncIterator[Client]:
    """A connection that outlives the server."""

    async def silent(_: Exception) -> None:
        return None

    client = await nats.connect(
        instance.nats,
        user_credentials=instance.nats_creds,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        error_cb=silent,
    )
    try:
        yield client
    finally:
        await client.close()


class Wire:
    """Listens from when it is entered. `heard` are the messages by event, in order."""

    def __init__(self, client: Client, *events: str) -> None:
        self._client = client
        self.heard: dict[str, list[Msg]] = {event: [] for event in events}

    async def listen(self) -> "Wire":
        for event, messages in self.heard.items():
            await self._client.subscribe(f"{ROOT}.{event}.>", cb=_appending(messages))
        await self._client.flush()
        return self

    async def until(self, event: str, count: int, within: float = 20) -> None:
        """Wait until so many messages of an event were seen."""
        await eventually(lambda: len(self.heard[event]) >= count, within=within, what=f"not {count} x {event}")

    def request_ids(self, event: str) -> set[str]:
        """Of all the messages of an event."""
        return {(message.headers or {})["ce-requestid"] for message in self.heard[event]}


def _appending(messages: list[Msg]) -> Callable[[Msg], Awaitable[None]]:
    async def append(message: Msg) -> None:
        messages.append(message)

    return append


async def in_hand(client: Client, stream: str, durable: str, count: int) -> None:
    """Wait until a consumer has given out so many messages that are not acked."""
    js = client.jetstream(timeout=5)

    async def enough() -> bool:
        return ((await js.consumer_info(stream, durable)).num_ack_pending or 0) >= count

    await eventually(enough, within=20, what=f"{durable} has not {count} messages in hand")


async def produce(client: Client, count: int, model: str) -> set[str]:
    """Publish requests as a producer does, at the same time; the ids of those that JetStream has acked."""
    js = client.jetstream(timeout=2)

    async def one() -> str | None:
        request_id = uuid.uuid4().hex
        request = {"model": model, "messages": [{"role": "user", "content": request_id}]}
        body = json.dumps({"request_id": request_id, "request": request}).encode()
        try:
            await js.publish(f"{ROOT}.{REQUESTED}.interactive.{TENANT}", body)
        except (nats.errors.Error, OSError):
            return None
        return request_id

    return {acked for acked in await asyncio.gather(*(one() for _ in range(count))) if acked is not None}
