"""Requests that others wait for: each is watched once in a process, however many wait for it there."""

import asyncio
from dataclasses import dataclass
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError

from contracts import subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import INGRESS_ID_LENGTH
from infra.dispatch.job import Job
from infra.results import Terminal, find_terminal
from workers.cache.store import Lead

STAGE = "waiting"
_LOOK_AGAIN = 10.0
"""Seconds after which one who waits looks again whom to wait for."""
_ASK_AGAIN = 2.0
"""Seconds after which the stream is asked whether a request has ended, where no word came of it."""


@dataclass(slots=True)
class _Flight:
    watch: "asyncio.Task[Terminal]"
    followers: int = 0


class Flights:
    """How the requests that lead end, for those that follow."""

    def __init__(self, client: Client, js: JetStreamContext) -> None:
        self._client = client
        self._js = js
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._here: dict[str, tuple[str, asyncio.Future[None]]] = {}

    async def listen(self) -> None:
        """Hear of callers that leave."""
        for subject in (subjects.cancel("*"), subjects.cancel_of("*", "*")):
            await self._client.subscribe(subject, cb=self._on_cancel)

    async def end_of(self, lead: Lead, job: Job) -> Terminal | None:
        """Wait for the leader's end; None where it takes long: then it may be another one that leads.

        Raises `PenstockError` where the job's deadline passes before, or its caller leaves.
        """
        name = (job.tenant, lead.request_id)
        flight = self._flights.get(name)
        if flight is None:
            flight = self._flights[name] = _Flight(asyncio.create_task(self._watch(lead, job.tenant)))
        flight.followers += 1
        try:
            return await self._wait(flight.watch, job)
        finally:
            flight.followers -= 1
            if not flight.followers:
                flight.watch.cancel()
                del self._flights[name]

    async def _wait(self, watch: "asyncio.Task[Terminal]", job: Job) -> Terminal | None:
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._here[job.request_id] = (job.tenant, left)
        ends: set[asyncio.Future[Any]] = {watch, left}
        patience = min(job.remaining, _LOOK_AGAIN)
        try:
            await asyncio.wait(ends, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._here[job.request_id]
        if watch.done():
            return watch.result()
        if left.done():
            raise PenstockError(ErrorCode.CANCELLED, "the caller went away", stage=STAGE)
        if job.remaining <= 0:
            message = "the deadline passed before the same prompt was answered for another request"
            raise PenstockError(ErrorCode.DEADLINE_EXCEEDED, message, stage=STAGE)
        return None

    async def _watch(self, lead: Lead, tenant: str) -> Terminal:
        """The server tells it when the end is stored; what it did not tell is in the stream."""
        told = asyncio.Event()

        async def on_result(_: Msg) -> None:
            told.set()

        ingress = lead.request_id[:INGRESS_ID_LENGTH]
        subject = subjects.result(ingress, lead.request_id)
        listening = None if subject.endswith(".") else await self._client.subscribe(subject, cb=on_result)
        try:
            while True:
                told.clear()
                if ended := await self._ended(lead, tenant):
                    return ended
                try:
                    async with asyncio.timeout(_ASK_AGAIN):
                        await told.wait()
                except TimeoutError:
                    continue
        finally:
            if listening is not None:
                await listening.unsubscribe()

    async def _ended(self, lead: Lead, tenant: str) -> Terminal | None:
        try:
            # The server has taken note of the subscription before the stream is asked.
            await self._client.flush()
            return await find_terminal(self._js, lead.lane, tenant, lead.request_id)
        except (APIError, nats.errors.Error, OSError):
            # The broker is away, or starts again: it is asked once more.
            return None

    async def _on_cancel(self, message: Msg) -> None:
        *_, said_by, request_id = message.subject.split(".")
        tenant, left = self._here.get(request_id, ("", None))
        if left is not None and not left.done() and said_by in {tenant, "cancel"}:
            left.set_result(None)
