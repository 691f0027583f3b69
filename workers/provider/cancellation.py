"""Callers that went away. Every provider worker hears of every one; the one that has the request stops its call."""

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


class Cancellations:
    """The calls that can be stopped, and the requests that need no call any more."""

    def __init__(self) -> None:
        self._calls: dict[str, asyncio.Task[Any]] = {}
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
        self._calls[request_id] = call
        if self.left(request_id):
            call.cancel()
        try:
            yield
        finally:
            del self._calls[request_id]

    async def _on_cancel(self, message: Msg) -> None:
        request_id = message.subject.rpartition(".")[2]
        self._left[request_id] = None
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if call := self._calls.get(request_id):
            call.cancel()
