"""Numbers that all processes count up together: JetStream counters, whose ack carries the new value (NATS ADR-49)."""

from dataclasses import dataclass

import nats.errors
import orjson
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from infra.publish_acks import Ack, PublishAcks
from infra.streams import COUNTERS

_INCREMENT = "Nats-Incr"
_PATIENCE = 1.0


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
        return self._told(await self._publish(subject, {_INCREMENT: f"{amount:+d}"}))

    async def add_once(self, subject: str, amount: int, message_id: str) -> Increment:
        """The same; but one of the same message id within two minutes, on whichever counter, is the one that counts."""
        ack = await self._publish(subject, {_INCREMENT: f"{amount:+d}", envelope.MSG_ID: message_id})
        if ack.duplicate:
            return await self._counted_before(ack.sequence)
        return Increment(subject, self._told(ack))

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

    async def _publish(self, subject: str, headers: dict[str, str]) -> Ack:
        try:
            return await self._acks.publish(subject, b"", headers, _PATIENCE)
        except (nats.errors.Error, OSError) as error:
            raise self._unavailable() from error

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


def _value_in(body: bytes | None) -> int:
    return int(orjson.loads(body or b"{}").get("val", 0))
