"""The other end of a call: its body, and whether it is still there."""

import asyncio

from infra.simulator.asgi import Receive
from infra.simulator.errors import ClientGoneError


class Client:
    """Made when the call arrives, inside its task; `close` it when the call ends.

    Being watched costs a task, so it begins with the first wait: a call that never waits has nobody to lose.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._arrived = self._loop.time()
        self._watch: asyncio.Task[None] | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the call arrived."""
        return self._loop.time() - self._arrived

    async def body(self) -> bytes:
        """The request's whole body; ClientGoneError when the client leaves before it is here."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def wait_until(self, moment_s: float) -> None:
        """Waits until `moment_s` seconds after the call's arrival; ClientGoneError at once when the client leaves."""
        delay = self._arrived + moment_s - self._loop.time()
        if delay > 0:
            await asyncio.wait({self._watched()}, timeout=delay)
        if self._watch is not None and self._watch.done():
            raise ClientGoneError

    async def wait_gone(self) -> None:
        """Waits until the connection is closed."""
        await asyncio.wait({self._watched()})

    def close(self) -> None:
        """Ends the watch."""
        if self._watch is not None:
            self._watch.cancel()

    def _watched(self) -> asyncio.Task[None]:
        if self._watch is None:
            self._watch = self._loop.create_task(self._until_disconnect())
        return self._watch

    async def _until_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
