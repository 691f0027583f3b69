"""The entries of the cache as administrators see them: they can let them go."""

from dataclasses import dataclass

import nats.errors
import orjson
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from infra.access.audit import audited
from infra.access.transaction import STAGE, access_transaction
from infra.streams import CACHE

_PURGE = f"$JS.API.STREAM.PURGE.{CACHE}"
_PATIENCE = 30.0
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Purge:
    """Which of a tenant's entries go: all, or those of a key, of an index (a store's id), or the one of a cache key.

    What is named twice has to be true twice.
    """

    tenant: str
    key_id: str | None = None
    store_id: str | None = None
    entry: str | None = None

    @property
    def subject(self) -> str:
        """Where the entries are that may be meant."""
        return subjects.cache_entry(self.tenant, self.entry or "*")

    @property
    def takes_all(self) -> bool:
        """Whether everything there is meant."""
        return self.key_id is None and self.store_id is None

    def takes(self, headers: dict[str, str]) -> bool:
        """Whether an entry with these headers goes."""
        stores = {version.partition("@")[0] for version in headers.get(envelope.INDEX, "").split(",")}
        of_key = self.key_id is None or headers.get(envelope.KEY_ID) == self.key_id
        return of_key and (self.store_id is None or self.store_id in stores)


class CacheEntries:
    """What goes is written down in the audit log first.

    An answer that is being made for an entry that goes is not kept either: it is from before.
    """

    def __init__(self, engine: AsyncEngine, client: Client, js: JetStreamContext) -> None:
        self._engine = engine
        self._client = client
        self._js = js

    async def purge(self, actor: str, which: Purge) -> int:
        """Let entries go, and return how many went.

        Raises `PenstockError`: `invalid_request` for what can be no tenant or no entry, `pipeline_unavailable` where
        database or broker can't be reached.
        """
        subjects.require_token(which.tenant, "tenant", stage=STAGE)
        if which.entry is not None:
            subjects.require_token(which.entry, "entry", stage=STAGE)
        wanted = {"key": which.key_id, "index": which.store_id, "entry": which.entry}
        named = {name: value for name, value in wanted.items() if value is not None}
        async with access_transaction(self._engine) as connection:
            await audited(connection, actor, "purged", "cache", which.tenant, named or None, None)
        try:
            return await (self._purge_all(which) if which.takes_all else self._purge_some(which))
        except (nats.errors.Error, APIError, OSError) as error:
            message = "the message broker can't be reached: try again in a moment"
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True) from error

    async def _purge_all(self, which: Purge) -> int:
        asked = orjson.dumps({"filter": which.subject})
        answer = orjson.loads((await self._client.request(_PURGE, asked, timeout=_PATIENCE)).data)
        if "error" in answer:
            raise APIError.from_error(answer["error"])
        return int(answer["purged"])

    async def _purge_some(self, which: Purge) -> int:
        """The headers of all are read, and those that are meant deleted one by one."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, headers_only=True, mem_storage=True
        )
        reader = await self._js.pull_subscribe(which.subject, stream=CACHE, config=config)
        try:
            left = (await reader.consumer_info()).num_pending or 0
            gone = 0
            while left > 0:
                for message in await reader.fetch(min(left, _BATCH), timeout=_PATIENCE):
                    left = message.metadata.num_pending
                    if which.takes(message.headers or {}):
                        gone += await self._delete(message.metadata.sequence.stream)
            return gone
        finally:
            await reader.unsubscribe()

    async def _delete(self, sequence: int) -> bool:
        """False where it went by itself meanwhile."""
        try:
            return await self._js.delete_msg(CACHE, sequence)
        except APIError:
            return False
