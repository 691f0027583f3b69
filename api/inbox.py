"""What an ingress waits for: deltas over core NATS, and terminal messages that the server republishes when stored."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from contracts import envelope, subjects
from contracts.subjects import Lane
from infra.results import Terminal, find_terminal_now, new_ingress, new_request_id, republished


@dataclass(frozen=True, slots=True)
class Delta:
    """One chunk of a token stream. `sequence` counts from 1 without a gap; `headers` are those of the message."""

    sequence: int
    body: bytes
    headers: dict[str, str]


class Left:
    """The client went away."""


Item = Delta | Terminal | Left


class Mailbox:
    """What arrives for one request, in order. One reader."""

    def __init__(self, request_id: str, tenant: str) -> None:
        self.request_id = request_id
        self.tenant = tenant
        self._items: deque[Item] = deque()
        self._arrived = asyncio.Event()

    def put(self, item: Item) -> None:
        """Never waits: what a request can hold here is its own answer."""
        self._items.append(item)
        self._arrived.set()

    async def get(self) -> Item:
        """Wait for the next item."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()

    def deltas_there(self) -> Iterator[Delta]:
        """The deltas that have already arrived, up to the next item of another kind."""
        while self._items and isinstance(item := self._items[0], Delta):
            self._items.popleft()
            yield item


class Inbox:
    """All mailboxes of this process, under an id that begins each of its request ids."""

    def __init__(self) -> None:
        self.ingress = new_ingress()
        self._boxes: dict[str, Mailbox] = {}
        self._js: JetStreamContext | None = None

    def __len__(self) -> int:
        return len(self._boxes)

    async def listen(self, client: Client, js: JetStreamContext) -> None:
        """Two subscriptions for the life of the process, instead of two a request."""
        self._js = js
        await client.subscribe(subjects.delta(self.ingress, "*"), cb=self._on_delta)
        await client.subscribe(subjects.result(self.ingress, "*"), cb=self._on_result)

    def new_request_id(self) -> str:
        """An id that leads the result back here."""
        return new_request_id(self.ingress)

    def open(self, request_id: str, tenant: str) -> Mailbox:
        """Begin to collect; `close` ends it."""
        box = Mailbox(request_id, tenant)
        self._boxes[request_id] = box
        return box

    def close(self, box: Mailbox) -> None:
        """What still comes is dropped."""
        self._boxes.pop(box.request_id, None)

    async def catch_up(self) -> None:
        """After a lost connection: results that were republished meanwhile are read from the stream."""
        for box in list(self._boxes.values()):
            if terminal := await self.stored_result(box):
                box.put(terminal)

    async def stored_result(self, box: Mailbox) -> Terminal | None:
        """The request's terminal message out of the stream, or None where there is none, or none can be read now."""
        if self._js is None:
            return None
        return await find_terminal_now(self._js, Lane.INTERACTIVE, box.tenant, box.request_id)

    async def _on_delta(self, message: Msg) -> None:
        if box := self._boxes.get(message.subject.rpartition(".")[2]):
            headers = message.headers or {}
            box.put(Delta(int(headers.get(envelope.SEQUENCE, "0")), message.data, headers))

    async def _on_result(self, message: Msg) -> None:
        if box := self._boxes.get(self.ingress + message.subject.rpartition(".")[2]):
            box.put(republished(message))
