"""Callers that went away. Every provider worker hears of every one; the one that has the request stops its calls."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects

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
    """The calls that can be stopped, and the requests that need no call any more."""

    def __init__(self) -> None:
        self._calls: dict[str, set[asyncio.Task[Any]]] = {}
        self._left: OrderedDict[str, None] = OrderedDict()

    async def listen(self, client: Client) -> None:
        """Hear of callers that leave."""
        await client.subscribe(subjects.cancel("*"), cb=self._on_cancel)

    def left(self, request_id: str) -> bool:
        """Whether the caller of this request went away."""
        return request_id in self._left

    @contextmanager
    def stops(self, request_id: str, call: "asyncio.Task[Any]") -> Iterator[None]:
        """While the body runs, `call` is cancelled when its caller leaves, at once where it has left already."""
        calls = self._calls.setdefault(request_id, set())
        calls.add(call)
        if self.left(request_id):
            call.cancel()
        try:
            yield
        finally:
            calls.discard(call)
            if not calls:
                self._calls.pop(request_id, None)

    async def _on_cancel(self, message: Msg) -> None:
        request_id = message.subject.rpartition(".")[2]
        self._left[request_id] = None
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        for call in self._calls.get(request_id, ()):
            call.cancel()
