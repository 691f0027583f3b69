"""Numbers that all processes count up together: JetStream counters, whose ack carries the new value (NATS ADR-49)."""

import nats.errors
import orjson
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from contracts.errors import ErrorCode, PenstockError
from infra.publish_acks import PublishAcks
from infra.streams import COUNTERS

_INCREMENT = "Nats-Incr"
_PATIENCE = 1.0


class Counters:
    """Counters by their subjects (`contracts.subjects.counter`). One begins at 0, and is forgotten when it is old.

    Both methods raise `PenstockError` (`pipeline_unavailable`) where the broker gives no answer in a second.
    """

    def __init__(self, acks: PublishAcks, js: JetStreamContext, stage: str) -> None:
        self._acks = acks
        self._js = js
        self._stage = stage

    async def add(self, subject: str, amount: int) -> int:
        """Add `amount`, which may be negative, and return the new value. Not repeated where no answer comes."""
        try:
            ack = await self._acks.publish(subject, b"", {_INCREMENT: f"{amount:+d}"}, _PATIENCE)
        except (nats.errors.Error, OSError) as error:
            raise self._unavailable() from error
        if ack.value is None:
            raise self._unavailable()
        return ack.value

    async def value(self, subject: str) -> int:
        """The value; 0 where nobody has counted."""
        try:
            # Not a direct get: only the stream's leader knows the newest for certain.
            last = await self._js.get_last_msg(COUNTERS, subject)
        except NotFoundError:
            return 0
        except (nats.errors.Error, APIError, OSError) as error:
            raise self._unavailable() from error
        return int(orjson.loads(last.data or b"{}").get("val", 0))

    def _unavailable(self) -> PenstockError:
        message = "the counters can't be reached: try again in a moment"
        return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=self._stage, retryable=True)
