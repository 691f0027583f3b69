"""What NATS keeps of the catalogue: the one that `penstock config apply` put, and the one last found good."""

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from infra.catalog.candidate import Candidate
from infra.settings import SettingsError

BUCKET = "penstock-config"
"""A key-value bucket; `catalog` holds what was applied, `in-force` what a provider worker works with."""
_STREAM = f"KV_{BUCKET}"
_APPLIED, _IN_FORCE = f"$KV.{BUCKET}.catalog", f"$KV.{BUCKET}.in-force"
_ORIGIN = "Penstock-Origin"
_ROOM = 4096
"""Bytes of a message that its headers may need."""


class ConfigBucket:
    """The bucket. `applied` is what was found at the last look, None where nothing is applied.

    Everything raises `nats.errors.Error` or `OSError` while the broker is away or the bucket isn't provisioned.
    """

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._seen = 0
        self.applied: Candidate | None = None

    async def look(self) -> bool:
        """Whether something else was applied since the last look: costs a question, and the text only if it is new."""
        # After a failure anew from the first: a stream that was made again counts from 1.
        after, self._seen = self._seen, 0
        try:
            found = await self._js.get_msg(_STREAM, after + 1, _APPLIED, direct=True, next=True)
        except NotFoundError:
            self._seen = after
            return False
        self._seen, self.applied = found.seq or 0, _candidate(found, f"{BUCKET}/catalog")
        return True

    async def latest(self) -> Candidate | None:
        """What is applied, asked for anew."""
        return _candidate(await self._last(_APPLIED), f"{BUCKET}/catalog")

    async def in_force(self) -> Candidate | None:
        """What a provider worker last found good, and since when."""
        found = await self._last(_IN_FORCE)
        origin = (found.headers or {}).get(_ORIGIN) if found else None
        return _candidate(found, origin or f"{BUCKET}/in-force")

    async def apply(self, raw: bytes, max_payload: int) -> None:
        """Put a text for all processes to take over. Raises `SettingsError` where the broker takes no message of it."""
        if len(raw) + _ROOM > max_payload:
            raise SettingsError(
                f"the catalogue is too large for this NATS: {len(raw)} bytes, where max_payload is {max_payload}."
            )
        await self._js.publish(_APPLIED, raw, stream=_STREAM)

    async def keep(self, good: Candidate) -> None:
        """Remember a text that works, with its origin: a process that finds a bad one at its start takes this."""
        known = await self.in_force()
        if known is None or (known.raw, known.origin) != (good.raw, good.origin):
            await self._js.publish(_IN_FORCE, good.raw, stream=_STREAM, headers={_ORIGIN: good.origin})

    async def _last(self, subject: str) -> RawStreamMsg | None:
        try:
            return await self._js.get_msg(_STREAM, subject=subject, direct=True)
        except NotFoundError:
            return None


def _candidate(message: RawStreamMsg | None, origin: str) -> Candidate | None:
    """None for the mark of a key that was deleted, too."""
    if message is None or message.data is None or message.time is None:
        return None
    return Candidate(message.data, message.time.timestamp(), origin)
