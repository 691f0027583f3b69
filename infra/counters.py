"""Numbers that all processes count up together: JetStream counters, whose ack carries the new value (NATS ADR-49)."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import nats.errors
import orjson
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from infra.publish_acks import Ack, PublishAcks
from infra.streams import COUNTERS

INCREMENT = "Nats-Incr"
"""The header of what is added, with its sign."""
_PATIENCE = 1.0


class Addition(NamedTuple):
    """What is to be added to a counter; one that has a message id counts once."""

    subject: str
    amount: int
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Increment:
    """One that is counted, on which counter, and the value that this made it."""

    subject: str
    value: int


class Counters:
    """Counters by their subjects (`contracts.subjects.counter`). One begins at 0, and is forgotten when it is old.

    All methods raise `PenstockError` (`pipeline_unavailable`) where the broker gives no answer in a second.
    """

    def __init__(self, acks: PublishAcks, js: JetStreamContext, stage: str) -> None:
        self._acks = acks
        self._js = js
        self._stage = stage

    async def add(self, subject: str, amount: int) -> int:
        """Add `amount`, which may be negative, and return the new value. Not repeated where no answer comes."""
        (increment,) = await self.add_all((Addition(subject, amount),))
        return increment.value

    async def add_all(self, additions: Sequence[Addition]) -> list[Increment]:
        """The same for several, side by side. Of those with the same message id within two minutes, on whichever
        counters, the first is the one that counts, and the one that is told.
        """
        sent: list[asyncio.Future[Ack]] = []
        try:
            for addition in additions:
                sent.append(await self._send(addition))  # noqa: PERF401 - what was sent is let go where one can't be
            acks = [await ack for ack in sent]
        except (nats.errors.Error, OSError) as error:
            raise self._unavailable() from error
        finally:
            _let_go(sent)
        return [
            await self._counted_before(ack.sequence) if ack.duplicate else Increment(addition.subject, self._told(ack))
            for addition, ack in zip(additions, acks, strict=True)
        ]

    async def value(self, subject: str) -> int:
        """The value; 0 where nobody has counted."""
        try:
            # Not a direct get: only the stream's leader knows the newest for certain.
            last = await self._js.get_last_msg(COUNTERS, subject)
        except NotFoundError:
            return 0
        except (nats.errors.Error, APIError, OSError) as error:
            raise self._unavailable() from error
        return _value_in(last.data)

    async def _send(self, addition: Addition) -> "asyncio.Future[Ack]":
        headers = {INCREMENT: f"{addition.amount:+d}"}
        if addition.message_id is not None:
            headers[envelope.MSG_ID] = addition.message_id
        return await self._acks.send(addition.subject, b"", headers, _PATIENCE)

    async def _counted_before(self, sequence: int) -> Increment:
        try:
            message = await self._js.get_msg(COUNTERS, sequence)
        except (nats.errors.Error, APIError, OSError) as error:
            raise self._unavailable() from error
        return Increment(message.subject or "", _value_in(message.data))

    def _told(self, ack: Ack) -> int:
        if ack.value is None:
            raise self._unavailable()
        return ack.value

    def _unavailable(self) -> PenstockError:
        message = "the counters can't be reached: try again in a moment"
        return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=self._stage, retryable=True)


def _let_go(acks: Iterable["asyncio.Future[Ack]"]) -> None:
    """Of some that failed together, one is raised: the others are not to be complained of later."""
    for ack in acks:
        if not ack.cancel() and not ack.cancelled():
            ack.exception()


def _value_in(body: bytes | None) -> int:
    return int(orjson.loads(body or b"{}").get("val", 0))
