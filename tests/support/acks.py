"""What workers tell the server about their messages: acks are ordinary messages, and anybody can listen."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nats.aio.client import Client
from nats.aio.msg import Msg

ACK, NAK, IN_PROGRESS, TERM = "+ACK", "-NAK", "+WPI", "+TERM"


@dataclass(slots=True)
class AckSpy:
    """Every ack of one durable, by its word, as the stream sequences that it was for."""

    said: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def of(self, word: str) -> list[int]:
        """The sequences for which a worker said `word`, in that order."""
        return self.said[word]

    async def _hear(self, message: Msg) -> None:
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>...; an empty ack is one too.
        word = message.data.split(b" ")[0].decode() or ACK
        self.said[word].append(int(message.subject.split(".")[5]))


@asynccontextmanager
async def spied_acks(client: Client, stream: str, durable: str) -> AsyncIterator[AckSpy]:
    """Listen to the acks of a durable."""
    spy = AckSpy()
    subscription = await client.subscribe(f"$JS.ACK.{stream}.{durable}.>", cb=spy._hear)
    await client.flush()
    yield spy
    await subscription.unsubscribe()
