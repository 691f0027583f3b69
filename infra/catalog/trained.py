"""What `penstock route train` put into NATS for every routing process: examples of classes, weights of difficulty."""

from typing import NamedTuple

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from infra.catalog.bucket import BUCKET
from infra.settings import SettingsError

EXAMPLES, DIFFICULTY = "examples", "difficulty"
_STREAM = f"KV_{BUCKET}"
_PREFIX = f"$KV.{BUCKET}.router."
_ROOM = 4096
"""Bytes of a message that its headers may need."""


class Trained(NamedTuple):
    """One thing that was put. `version` is the stream's sequence; `raw` is empty where it was taken back."""

    key: str
    raw: bytes
    version: int


class TrainedBucket:
    """The keys `router.>` of the bucket `penstock-config`.

    Everything raises `nats.errors.Error` or `OSError` while the broker is away or the bucket isn't provisioned.
    """

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._seen = 0

    async def look(self) -> Trained | None:
        """The next thing that was put since the last look, or None. Costs a question, and a text only if it is new."""
        # After a failure anew from the first: a stream that was made again counts from 1.
        after, self._seen = self._seen, 0
        try:
            found = await self._js.get_msg(_STREAM, after + 1, f"{_PREFIX}>", direct=True, next=True)
        except NotFoundError:
            self._seen = after
            return None
        self._seen = found.seq or 0
        return Trained((found.subject or "").removeprefix(_PREFIX), found.data or b"", self._seen)

    async def put(self, key: str, raw: bytes, max_payload: int) -> int:
        """Put it for all processes; empty for what there is without it. Its version.

        Raises `SettingsError` where the broker takes no message of that size.
        """
        if len(raw) + _ROOM > max_payload:
            raise SettingsError(
                f"this is too much for this NATS: {len(raw)} bytes, where max_payload is {max_payload}."
            )
        return (await self._js.publish(f"{_PREFIX}{key}", raw, stream=_STREAM)).seq


def difficulty_key(tenant: str | None) -> str:
    """Under which key the weights of a tenant are, or of all that have none of their own."""
    return f"{DIFFICULTY}.everyone" if tenant is None else f"{DIFFICULTY}.tenant.{tenant}"


def tenant_of_key(key: str) -> str | None:
    """Whose weights are under a key; None for everyone's."""
    return key.removeprefix(f"{DIFFICULTY}.tenant.") if key.startswith(f"{DIFFICULTY}.tenant.") else None
