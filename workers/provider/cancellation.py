"""Callers that went away. Every provider worker hears of every one; the one that has the request stops its calls.

Not where others wait for its answer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects
from infra.dispatch.job import Job

_REMEMBERED = 10_000
"""Cancelled requests that have not arrived here yet, at most; one that waits longer in the queue is called in vain."""


class Stop:
    """Ends one call early, because another one has answered. The call may begin after that: it ends at once then."""

    def __init__(self) -> None:
        self.given = False
        self._call: asyncio.Task[Any] | None = None

    def give(self) -> None:
        """End the call."""
        self.given = True
        if self._call is not None:
            self._call.cancel()

    @contextmanager
    def ends(self, call: "asyncio.Task[Any]") -> Iterator[None]:
        """While the body runs, `call` is what is ended."""
        self._call = call
        if self.given:
            call.cancel()
        try:
            yield
        finally:
            self._call = None


class Cancellations:
    """The calls that can be stopped, and the requests that need no call any more.

    A tenant's word is for its own request of that id; Penstock's own ids are nobody else's.
    """

    def __init__(self, waits_for: Callable[[Job], Awaitable[bool]]) -> None:
        self._waits_for = waits_for
        self._calls: dict[str, dict[asyncio.Task[Any], Job]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._left: OrderedDict[str, None] = OrderedDict()

    async def listen(self, client: Client) -> None:
        """Hear of callers that leave."""
        for subject in (subjects.cancel("*"), subjects.cancel_of("*", "*")):
            await client.subscribe(subject, cb=self._on_cancel)

    def left(self, tenant: str, request_id: str) -> bool:
        """Whether the caller of this request went away."""
        return any(subject in self._left for subject in _said_on(tenant, request_id))

    async def spares(self, job: Job) -> bool:
        """Whether the job's request goes on without its caller: then it is as if that one had not left."""
        if not await self._waits_for(job):
            return False
        for subject in _said_on(job.tenant, job.request_id):
            self._left.pop(subject, None)
        return True

    @contextmanager
    def stops(self, job: Job, call: "asyncio.Task[Any]") -> Iterator[None]:
        """While the body runs, `call` is cancelled when its caller leaves, at once where it has left already."""
        calls = self._calls.setdefault(job.request_id, {})
        calls[call] = job
        if self.left(job.tenant, job.request_id):
            stopping = asyncio.create_task(self._stop(job, call))
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
        try:
            yield
        finally:
            calls.pop(call, None)
            if not calls:
                self._calls.pop(job.request_id, None)

    async def _on_cancel(self, message: Msg) -> None:
        self._left[message.subject] = None
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        request_id = message.subject.rpartition(".")[2]
        for call, job in list(self._calls.get(request_id, {}).items()):
            if self.left(job.tenant, request_id):
                await self._stop(job, call)

    async def _stop(self, job: Job, call: "asyncio.Task[Any]") -> None:
        if not await self.spares(job):
            call.cancel()


def _said_on(tenant: str, request_id: str) -> tuple[str, str]:
    return subjects.cancel(request_id), subjects.cancel_of(tenant, request_id)
