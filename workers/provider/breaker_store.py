"""What provider workers tell each other of breakers, and who of them probes: a NATS key-value bucket.

`state.<key>` is the newest word on a breaker, republished by the server to every worker; `probe.<key>` is a lease that
one worker holds while it probes. Whoever can't reach the bucket goes by what it sees itself.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue
from pydantic import ValidationError

from contracts import subjects
from contracts.breaker import BreakerTold
from infra.streams import BREAKERS
from infra.telemetry.logs import Logger
from infra.telemetry.told import told
from workers.provider.breaker import Opening, Reason
from workers.provider.plan import Key

_PATIENCE = 1.0
_LOOK_AGAIN = 1.0
_LEASE = 30.0
"""Seconds after which another worker may probe, should the one that does have died. A probe that takes longer may
have a second one beside it: that costs a call, and nothing else."""
_REMEMBERED = 10_000
"""Breakers of which the newest word's revision is kept, at most."""
_UNREACHABLE = (nats.errors.Error, JetStreamError, OSError, TimeoutError)

Hear = Callable[[Key, Opening | None], None]
"""Takes another worker's news of a breaker: it is open, or closed."""


class _Word(BreakerTold):
    """One worker's word on a breaker, as it is stored. `until` is in seconds since 1970."""

    reason: Reason = Reason.FAILURES
    number: int = 1
    by: str


class BreakerStore:
    """The bucket, for one process."""

    def __init__(self, client: Client, js: JetStreamContext, log: Logger) -> None:
        self._client = client
        self._js = js
        self._log = log
        self._name = uuid.uuid4().hex
        self._bucket: KeyValue | None = None
        self._heard: dict[str, int] = {}
        # What is said twice of a breaker must be stored in that order.
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, hear: Hear) -> None:
        """Hear of the others from now on, and of what they said before as soon as the bucket is there."""

        async def on_news(message: Msg) -> None:
            revision = int((message.headers or {}).get("Nats-Sequence", 0))
            self._take(message.subject.rpartition(".")[2], message.data, revision, hear)

        await self._client.subscribe(subjects.breaker("*"), cb=on_news)
        self._spawn(self._load(hear))

    async def close(self) -> None:
        """Stop. What was not told by now stays untold: the others find it out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell(self, key: Key, opening: Opening | None) -> None:
        """Say that a breaker is open, or closed. Returns at once."""
        self._spawn(self._put(key, opening))

    async def take_probe(self, key: Key) -> bool:
        """Whether this process is the one to probe; where nobody can be asked, it is."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await (await self._kv()).create(f"probe.{_hashed(key)}", self._name.encode(), msg_ttl=_LEASE)
        except KeyWrongLastSequenceError:
            return False
        except _UNREACHABLE as error:
            self._log.warning("breakers_not_shared", error=told(error))
        return True

    def give_probe_back(self, key: Key) -> None:
        """The probe is over. Returns at once."""
        self._spawn(self._delete(f"probe.{_hashed(key)}"))

    async def _put(self, key: Key, opening: Opening | None) -> None:
        deployment, model = key
        word = _Word(deployment=deployment, model=model, open=opening is not None, by=self._name)
        if opening is not None:
            said = {"reason": opening.reason, "until": opening.until, "number": opening.number}
            word = word.model_copy(update=said)
        async with self._writing:
            await (await self._kv()).put(f"state.{_hashed(key)}", word.model_dump_json().encode())

    async def _delete(self, key: str) -> None:
        async with self._writing:
            await (await self._kv()).delete(key)

    async def _kv(self) -> KeyValue:
        if self._bucket is None:
            self._bucket = await self._js.key_value(BREAKERS)
        return self._bucket

    async def _load(self, hear: Hear) -> None:
        """What was said before this process began. It may have new keys: of those it finds out by itself."""
        while True:
            try:
                watcher = await (await self._kv()).watch("state.*")
            except NotFoundError:
                # Not provisioned yet.
                await asyncio.sleep(_LOOK_AGAIN)
                continue
            async for entry in watcher:
                if entry is None:
                    break
                key = entry.key.rpartition(".")[2]
                self._take(key, entry.value or b"", entry.revision or 0, hear, skip=Reason.CREDENTIALS)
            await watcher.stop()  # type: ignore[no-untyped-call]
            return

    def _take(self, name: str, body: bytes, revision: int, hear: Hear, *, skip: Reason | None = None) -> None:
        if revision <= self._heard.get(name, 0):
            return
        self._heard[name] = revision
        if len(self._heard) > _REMEMBERED:
            del self._heard[next(iter(self._heard))]
        try:
            word = _Word.model_validate_json(body)
        except ValidationError:
            self._log.warning("breaker_news_unreadable", key=name)
            return
        if word.by != self._name and word.reason is not skip:
            opening = Opening(word.reason, word.until, word.number) if word.open else None
            hear((word.deployment, word.model), opening)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def done() -> None:
            try:
                await work
            except _UNREACHABLE as error:
                self._log.warning("breakers_not_shared", error=told(error))

        task = asyncio.get_running_loop().create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _hashed(key: Key) -> str:
    """The names of models and deployments may hold what a key of the bucket can't."""
    return hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]
