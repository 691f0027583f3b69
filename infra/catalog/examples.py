"""The router's examples that `penstock route train` put into NATS, for every routing process to train with."""

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from infra.catalog.bucket import BUCKET
from infra.settings import SettingsError

_STREAM = f"KV_{BUCKET}"
_KEY = f"$KV.{BUCKET}.router-examples"
_ROOM = 4096
"""Bytes of a message that its headers may need."""


class ExamplesBucket:
    """One key of the bucket `penstock-config`. `version` is the stream's sequence of what was found last; 0 is nothing.

    Everything raises `nats.errors.Error` or `OSError` while the broker is away or the bucket isn't provisioned.
    """

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self.version = 0

    async def look(self) -> bytes | None:
        """What was put since the last look, or None. Costs a question, and the text only where it is new."""
        # After a failure anew from the first: a stream that was made again counts from 1.
        after, self.version = self.version, 0
        try:
            found = await self._js.get_msg(_STREAM, after + 1, _KEY, direct=True, next=True)
        except NotFoundError:
            self.version = after
            return None
        self.version = found.seq or 0
        return found.data or b""

    async def put(self, raw: bytes, max_payload: int) -> int:
        """Put examples, as JSON by class, for all processes; empty for those that come with Penstock. Their version.

        Raises `SettingsError` where the broker takes no message of that size.
        """
        if len(raw) + _ROOM > max_payload:
            raise SettingsError(f"these are too many examples for this NATS: {len(raw)} bytes of {max_payload}.")
        return (await self._js.publish(_KEY, raw, stream=_STREAM)).seq
