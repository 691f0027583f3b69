"""Entries in JetStream: a subject an entry, the newest message counts, age and size bound by the stream.

Where an entry will be, a message without a body says which request is making it (ADR 0024).
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError
from pydantic import ValidationError

from contracts import envelope, subjects
from contracts.cache import CacheStored
from contracts.subjects import Lane
from infra.dispatch.job import Job
from infra.publish_acks import PublishAcks
from infra.streams import CACHE
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_PATIENCE = 2.0
_WRONG_LAST_SEQUENCE = 10071
_MARGIN = 5
"""Seconds after its deadline in which a request may still be told that it is over."""
_LONGEST = 3600
"""Seconds for which a request can lead, whatever its deadline."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The request that is making an entry. `sequence` is the place in the stream of the message that says so."""

    request_id: str
    lane: Lane
    sequence: int


class CacheStore:
    """Reads entries. A cache that can't be read is a miss, and a line in the log: it never fails a request."""

    def __init__(self, js: JetStreamContext, acks: PublishAcks, log: Logger) -> None:
        self._js = js
        self._acks = acks
        self._log = log

    async def find(self, tenant: str, key: str, *, newest: bool = False) -> CacheStored | Lead | None:
        """The entry, or who is making it, or None. `newest`: as the stream's leader has it, and no copy."""
        try:
            message = await self._js.get_last_msg(CACHE, subjects.cache_entry(tenant, key), direct=not newest)
        except NotFoundError:
            return None
        except (APIError, nats.errors.Error, OSError) as error:
            self._log.warning("cache_unreadable", error=told(error))
            return None
        headers = message.headers or {}
        if leader := headers.get(envelope.LEADER):
            return Lead(leader, Lane(headers.get(envelope.LANE, Lane.INTERACTIVE)), message.seq or 0)
        return self._read(message, tenant, key)

    def _read(self, message: RawStreamMsg, tenant: str, key: str) -> CacheStored | None:
        try:
            return CacheStored.model_validate_json(message.data or b"")
        except ValidationError as error:
            self._log.warning("cache_entry_unreadable", tenant=tenant, key=key, errors=error.error_count())
            return None

    async def lead(self, job: Job, key: str, *, after: int) -> Lead | None:
        """Make the job's request the one that makes the entry, until its deadline.

        `after` is the sequence of what it saw there, 0 for nothing: None where that is not so any more. Where nobody
        can be told it goes on alone, and its sequence is 0.
        """
        headers = {
            **provenance(job.headers),
            envelope.LEADER: job.request_id,
            envelope.LANE: job.lane,
            envelope.MSG_TTL: str(int(min(max(job.remaining, 0), _LONGEST)) + _MARGIN),
            envelope.EXPECTED_LAST_SEQUENCE: str(after),
        }
        try:
            ack = await self._acks.publish(subjects.cache_entry(job.tenant, key), b"", headers, _PATIENCE)
        except (nats.errors.Error, OSError) as error:
            self._log.warning("flight_unknown", error=told(error))
            return Lead(job.request_id, job.lane, 0)
        if ack.status != 200 and ack.error_code != _WRONG_LAST_SEQUENCE:
            self._log.warning("flight_refused", reason=ack.reason)
            return Lead(job.request_id, job.lane, 0)
        return Lead(job.request_id, job.lane, ack.sequence) if ack.status == 200 else None

    async def give_up(self, lead: Lead) -> None:
        """It makes no entry after all: the next one need not wait for it. What can't be taken back ends by itself."""
        if lead.sequence:
            with suppress(APIError, nats.errors.Error, OSError):
                await self._js.delete_msg(CACHE, lead.sequence)


def provenance(headers: Mapping[str, str]) -> dict[str, str]:
    """Whose key an entry was made with, and from which index versions: what it can be found by again."""
    return {name: headers[name] for name in (envelope.KEY_ID, envelope.INDEX) if name in headers}
