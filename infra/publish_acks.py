"""JetStream publish acks, on one subscription for the life of the process.

nats-py's own `js.publish` makes a random token, a wrapped timeout and a typed ack for each message; with eight
publishes a request that was a tenth of a worker's time. The protocol is the client's; only the waiting is ours.
"""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

_NO_RESPONDERS = "503"


@dataclass(frozen=True, slots=True)
class Ack:
    """The server's answer. `error_code` is JetStream's own (10071: wrong last sequence), `status` an HTTP-like one.

    `value` is a counter's new value, None where the message was no increment. `sequence` is the place of the message in
    its stream: of the one that was there before, for a duplicate.
    """

    duplicate: bool = False
    status: int = 200
    error_code: int = 0
    reason: str = ""
    value: int | None = None
    sequence: int = 0


class _Waiting(NamedTuple):
    ack: "asyncio.Future[Ack]"
    timer: asyncio.TimerHandle


class PublishAcks:
    """Publishes and waits for what the stream says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._prefix = client.new_inbox()
        self._numbers = itertools.count()
        self._waiting: dict[str, _Waiting] = {}

    async def open(self) -> None:
        """Subscribe to the acks."""
        await self._client.subscribe(f"{self._prefix}.*", cb=self._on_ack)

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str], patience: float) -> Ack:
        """Publish one message and wait for its ack.

        Raises `nats.errors.TimeoutError` after `patience` seconds, `nats.errors.NoRespondersError` where no stream
        takes the subject or JetStream is not there, and what the client raises where it can't send.
        """
        return await (await self.send(subject, body, headers, patience))

    async def send(
        self, subject: str, body: bytes, headers: Mapping[str, str], patience: float
    ) -> "asyncio.Future[Ack]":
        """Publish one message, and return what its ack will be: several can be on their way without a task for each.

        Raises what the client raises where it can't send; the future, the rest of what `publish` raises.
        """
        loop = asyncio.get_running_loop()
        reply = f"{self._prefix}.{next(self._numbers)}"
        future: asyncio.Future[Ack] = loop.create_future()
        timer = loop.call_later(patience, self._expire, reply)
        self._waiting[reply] = _Waiting(future, timer)
        try:
            await self._client.publish(subject, body, reply=reply, headers=dict(headers))
        except BaseException:
            timer.cancel()
            self._waiting.pop(reply, None)
            raise
        return future

    async def _on_ack(self, message: Msg) -> None:
        waiting = self._waiting.pop(message.subject, None)
        if waiting is None:
            return
        waiting.timer.cancel()
        if waiting.ack.done():
            return
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            waiting.ack.set_exception(nats.errors.NoRespondersError())
        else:
            waiting.ack.set_result(_read(message.data))

    def _expire(self, reply: str) -> None:
        waiting = self._waiting.pop(reply, None)
        if waiting is not None and not waiting.ack.done():
            waiting.ack.set_exception(nats.errors.TimeoutError())


def _read(data: bytes) -> Ack:
    answer = orjson.loads(data)
    error = answer.get("error")
    if error is None:
        value = answer.get("val")
        return Ack(
            duplicate=bool(answer.get("duplicate")),
            value=None if value is None else int(value),
            sequence=int(answer.get("seq", 0)),
        )
    return Ack(
        status=int(error.get("code", 500)),
        error_code=int(error.get("err_code", 0)),
        reason=str(error.get("description", "")),
    )
