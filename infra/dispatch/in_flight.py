"""The messages that this process has in hand, kept alive with in-progress acks while they take long."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

import nats.errors
from nats.aio.msg import Msg

from infra.dispatch.job import Position

_REMEMBERED = 10_000
"""Messages that had to be delivered again, at most."""


@dataclass(slots=True)
class _Held:
    message: Msg
    touched: float


class InFlight:
    """What is in hand, by stream and sequence. One task keeps all of it alive, so a message costs no timer."""

    def __init__(self, ack_wait: float) -> None:
        self._interval = ack_wait / 4
        self._held: dict[tuple[str, int], _Held] = {}
        self._survived: OrderedDict[tuple[str, int], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    async def admit(self, message: Msg, position: Position) -> bool:
        """Take a message in hand. False for a redelivery of one that is: it is kept alive and will be acked once."""
        key = (position.stream, position.sequence)
        if held := self._held.get(key):
            held.message = message
            await message.in_progress()
            return False
        self._held[key] = _Held(message, time.monotonic())
        return True

    def latest(self, position: Position) -> Msg:
        """The newest delivery of a message in hand: the one whose ack the server waits for."""
        return self._held[position.stream, position.sequence].message

    def release(self, position: Position) -> None:
        """The message is settled, as far as is known here, or comes again; it has done this process no harm."""
        key = (position.stream, position.sequence)
        self._held.pop(key, None)
        if position.deliveries > 1:
            self._survived[key] = None
            if len(self._survived) > _REMEMBERED:
                self._survived.popitem(last=False)

    def survived(self, position: Position) -> bool:
        """Whether this process had the message in hand before, when it came again: whatever it is delivered so often
        for, it does not take its worker down. Its end or its ack may have been lost with the broker.
        """
        return (position.stream, position.sequence) in self._survived

    async def keep_alive(self) -> None:
        """Runs for as long as the process does."""
        while True:
            await asyncio.sleep(self._interval)
            now = time.monotonic()
            for held in list(self._held.values()):
                if now - held.touched >= self._interval:
                    held.touched = now
                    await self._touch(held.message)

    @staticmethod
    async def _touch(message: Msg) -> None:
        try:
            await message.in_progress()
        except (nats.errors.Error, OSError):
            # The broker is away, or the message was settled while we slept: either way it needs no life-sign from us.
            return
