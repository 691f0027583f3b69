"""Those who wait for another request's answer: they hear its stream, and for their sake it is made to its end."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from contracts import envelope, subjects
from contracts.cache import FlightJoined
from infra.dispatch.job import Job
from infra.streams import WAITING
from workers.provider.relay import DeltaRelay, may_have_company

_REMEMBERED = 30.0
"""Seconds for which one who joined is known before the request comes; whoever still waits joins again before that."""


@dataclass(slots=True)
class _Early:
    """Those who joined a request that is not here."""

    joined: dict[str, FlightJoined] = field(default_factory=dict)
    last: float = 0.0


class Audience:
    """Every provider worker hears of everybody who joins; the one that has the request lets them hear it."""

    def __init__(self, client: Client, js: JetStreamContext) -> None:
        self._client = client
        self._js = js
        self._relays: dict[str, DeltaRelay] = {}
        self._early: OrderedDict[str, _Early] = OrderedDict()

    async def listen(self) -> None:
        """Hear of those who join."""
        await self._client.subscribe(subjects.joined("*", "*"), cb=self._on_joined)

    @contextmanager
    def hears(self, job: Job, relay: DeltaRelay | None) -> Iterator[None]:
        """While the body runs, who joins the job's request hears what its relay sends."""
        if relay is None or not relay.keeps:
            yield
            return
        name = _name(job.tenant, job.request_id)
        if early := self._early.pop(name, None):
            for joined in early.joined.values():
                relay.admit(joined)
        self._relays[name] = relay
        try:
            yield
        finally:
            del self._relays[name]

    async def waits_for(self, job: Job) -> bool:
        """Whether anybody else waits for the job's answer now."""
        if not may_have_company(job):
            return False
        subject = subjects.waiting("*", job.tenant, job.headers[envelope.CACHE_KEY])
        try:
            found = await self._js.get_last_msg(WAITING, subject)
        except NotFoundError:
            return False
        except (APIError, nats.errors.Error, OSError):
            # If there is anybody, one of them takes its place.
            return False
        return (found.headers or {}).get(envelope.REQUEST_ID) != job.request_id

    async def _on_joined(self, message: Msg) -> None:
        joined = FlightJoined.model_validate_json(message.data)
        name = _name(*message.subject.split(".")[-2:])
        if relay := self._relays.get(name):
            relay.admit(joined)
            await relay.catch_up(joined.request_id)
        else:
            self._remember(name, joined)

    def _remember(self, name: str, joined: FlightJoined) -> None:
        now = time.monotonic()
        early = self._early.setdefault(name, _Early())
        early.joined[joined.request_id], early.last = joined, now
        self._early.move_to_end(name)
        while next(iter(self._early.values())).last < now - _REMEMBERED:
            self._early.popitem(last=False)


def _name(tenant: str, request_id: str) -> str:
    return f"{tenant}.{request_id}"
