"""Entries in JetStream: a subject an entry, the newest message counts, age and size bound by the stream."""

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError
from pydantic import ValidationError

from contracts import subjects
from contracts.cache import CacheStored
from infra.streams import CACHE
from infra.telemetry.logs import Logger


class CacheStore:
    """Reads entries. A cache that can't be read is a miss, and a line in the log: it never fails a request."""

    def __init__(self, js: JetStreamContext, log: Logger) -> None:
        self._js = js
        self._log = log

    async def find(self, tenant: str, key: str) -> CacheStored | None:
        """The entry, or None."""
        try:
            message = await self._js.get_last_msg(CACHE, subjects.cache_entry(tenant, key), direct=True)
        except NotFoundError:
            return None
        except (APIError, nats.errors.Error, OSError) as error:
            self._log.warning("cache_unreadable", error=repr(error))
            return None
        try:
            return CacheStored.model_validate_json(message.data or b"")
        except ValidationError as error:
            self._log.warning("cache_entry_unreadable", tenant=tenant, key=key, errors=error.error_count())
            return None
