"""The token stream: each event to the ingress that waits for it, over core NATS, numbered so that a gap is seen.

Whoever asked the same hears it too, from its beginning, whenever they join (ADR 0024).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.client import Client

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.apis.responses.restamp import Restamp
from contracts.cache import COALESCED, MISS, FlightJoined
from contracts.inference import OPENAI_CHAT
from contracts.responses import response_id_of
from infra.dispatch.job import Job
from workers.provider.attempt import Attempt
from workers.provider.said import Send


@dataclass(frozen=True, slots=True)
class _Event:
    event: Json
    body: bytes
    of_usage: bool
    attempt: Attempt


@dataclass(slots=True)
class _Listener:
    """One request that hears the stream. `at` counts what it has been given or spared, `sent` what it was sent."""

    subject: str
    status: str
    wants_usage: bool
    rooms: str | None
    stamp: Callable[[Json], Json] | None = None
    at: int = 0
    sent: int = 0
    busy: bool = False


class DeltaRelay:
    """Sends the events of one request. `keeps`: others may join, and hear what was said before."""

    def __init__(self, client: Client, job: Job, *, wants_usage: bool, keeps: bool) -> None:
        self._client = client
        self._chat = job.headers[envelope.API] == OPENAI_CHAT
        self._route = job.headers.get(envelope.ROUTE, "")
        status = job.headers.get(envelope.CACHE_STATUS, "bypass")
        subject = subjects.delta(job.headers[envelope.INGRESS], job.request_id)
        self._own = _Listener(subject, status, wants_usage, job.headers.get(envelope.ROOMS))
        self._others: dict[str, _Listener] = {}
        self._said: list[_Event] = []
        self.keeps = keeps
        self.events = self.usage_events = 0
        """What there was to hear, over all attempts, and how much of that only those get who ask for the usage."""

    @property
    def sent(self) -> int:
        """Events that the request itself was sent, over all attempts; after the first there is no way back."""
        return self._own.sent

    def sender(self, attempt: Attempt) -> Send:
        """What takes the events of one attempt."""

        async def send(event: dict[str, Any]) -> None:
            await self._send(event, attempt)

        return send

    def admit(self, joined: FlightJoined) -> None:
        """Somebody joins, once; `catch_up` or the next event has them hear the beginning."""
        if joined.request_id in self._others:
            return
        own = joined.settings
        stamp = None if own is None else Restamp(response_id_of(joined.request_id), joined.created_at, own)
        subject = subjects.delta(joined.ingress, joined.request_id)
        self._others[joined.request_id] = _Listener(subject, COALESCED, joined.include_usage, joined.rooms, stamp)

    async def catch_up(self, request_id: str) -> None:
        """Send one that joined what it has not heard yet."""
        listener = self._others[request_id]
        if listener.busy:
            return
        # What is said meanwhile is sent by this loop too: in order, and once.
        listener.busy = True
        try:
            while listener.at < len(self._said):
                event = self._said[listener.at]
                listener.at += 1
                await self._tell(listener, event)
        finally:
            listener.busy = False

    async def _send(self, event: Json, attempt: Attempt) -> None:
        of_usage = self._chat and not event["choices"] and bool(event.get("usage"))
        said = _Event(event, orjson.dumps(event), of_usage, attempt)
        self.events += 1
        self.usage_events += of_usage
        if self.keeps:
            self._said.append(said)
        await self._tell(self._own, said)
        for request_id in list(self._others):
            await self.catch_up(request_id)

    async def _tell(self, listener: _Listener, said: _Event) -> None:
        if said.of_usage and not listener.wants_usage:
            return
        listener.sent += 1
        made = said.attempt.number if listener is self._own else 0
        headers = {envelope.SEQUENCE: str(listener.sent), envelope.ATTEMPTS: str(made)}
        if listener.sent == 1:
            headers[envelope.DEPLOYMENT] = said.attempt.deployment.name
            headers[envelope.PROVIDER_MODEL] = said.attempt.provider_model
            headers[envelope.ROUTE] = self._route
            headers[envelope.CACHE_STATUS] = listener.status
            if listener.rooms is not None:
                headers[envelope.ROOMS] = listener.rooms
        body = said.body if listener.stamp is None else orjson.dumps(listener.stamp(said.event))
        await self._client.publish(listener.subject, body, headers=headers)


def relay_for(client: Client, job: Job, request: dict[str, Any]) -> DeltaRelay | None:
    """A relay where a stream was asked for and somebody waits for it, else None.

    A chat's caller gets the chunk that holds only the usage where it asked for it, as `stream_options` says.
    """
    if job.headers.get(envelope.STREAM) != "true" or envelope.INGRESS not in job.headers:
        return None
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    return DeltaRelay(client, job, wants_usage=wants_usage, keeps=may_have_company(job))


def may_have_company(job: Job) -> bool:
    """Whether others may wait for this request's answer."""
    return job.headers.get(envelope.CACHE_STATUS) == MISS and envelope.CACHE_KEY in job.headers
