"""Processes tell each other which traces are kept that the ratio would leave out (`infra.telemetry.tail`).

By core NATS: whom it does not reach sends nothing of that trace, which then has gaps. It costs nobody a request.
"""

import asyncio

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects
from infra.telemetry.tail import Tail

_ID = 16
"""Bytes of a trace id; a message holds one or more."""


class KeptTraces:
    """One process's ear and mouth."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._client: Client | None = None
        self._untold: list[int] = []
        self._telling: asyncio.Task[None] | None = None
        tail.tell = self._tell

    async def open(self, client: Client) -> None:
        """Listen, and speak from now on."""
        self._client = client
        await client.subscribe(subjects.traces_kept(), cb=self._hear)

    async def _hear(self, message: Msg) -> None:
        ids = message.data
        for start in range(0, len(ids) - len(ids) % _ID, _ID):
            self._tail.keep(int.from_bytes(ids[start : start + _ID]))

    def _tell(self, trace_id: int) -> None:
        if self._client is None:
            return
        self._untold.append(trace_id)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell_all(self._client))

    async def _tell_all(self, client: Client) -> None:
        while self._untold:
            told, self._untold = self._untold, []
            try:
                await client.publish(subjects.traces_kept(), b"".join(each.to_bytes(_ID) for each in told))
            except (nats.errors.Error, OSError):
                # The broker is away, and with it the traffic: these traces have the spans of this process alone.
                return
