"""Sending an answer at its pace."""

from dataclasses import dataclass

from infra.simulator.asgi import EVENT_STREAM, JSON, Header, Scope, Send, start, write
from infra.simulator.client import Client
from infra.simulator.dialect import Reply, Script
from infra.simulator.knobs import Knobs

CUT_EXTENSION = "penstock.cut"


@dataclass(frozen=True, slots=True)
class Pace:
    """When each token is due: the first after the latency, the others after the pause and at the speed."""

    latency_s: float
    pause_s: float
    tokens_per_second: float

    @property
    def at_once(self) -> bool:
        """Whether all tokens are due with the first."""
        return not self.pause_s and not self.tokens_per_second

    def due_s(self, index: int) -> float:
        """Seconds from the call's arrival until token `index`, counted from 0, is due."""
        spread = index / self.tokens_per_second if self.tokens_per_second else 0.0
        return self.latency_s + spread + (self.pause_s if index else 0.0)

    def due_by(self, elapsed_s: float, begin: int, count: int) -> int:
        """How many of `count` tokens are due by a moment, given that the first `begin` are."""
        while begin < count and self.due_s(begin) <= elapsed_s:
            begin += 1
        return begin


def pace_of(knobs: Knobs) -> Pace:
    """The pace that a call's settings ask for."""
    return Pace(knobs.latency_ms / 1000, knobs.pause_ms / 1000, knobs.tokens_per_second)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call's two ends: where its answer goes, who waits for it, and the headers every answer has."""

    scope: Scope
    send: Send
    client: Client
    headers: tuple[Header, ...]

    async def stream(self, script: Script, pace: Pace) -> None:
        """Sends a stream, tokens due together in one piece; ClientGoneError when the client leaves in between."""
        await self.client.wait_until(pace.due_s(0))
        await start(self.send, 200, (*EVENT_STREAM, *self.headers))
        count = len(script.tokens)
        sent = count if pace.at_once else min(1, count)
        await self._part(script, 0, sent)
        while sent < count:
            await self.client.wait_until(pace.due_s(sent))
            due = pace.due_by(self.client.elapsed_s, sent + 1, count)
            await self._part(script, sent, due)
            sent = due
        if script.cut:
            await self.cut()

    async def reply(self, reply: Reply, steps: int, pace: Pace) -> None:
        """Sends a JSON response when the last of its `steps` tokens is due."""
        await self.client.wait_until(pace.due_s(max(0, steps - 1)))
        await start(self.send, 200, (JSON, (b"content-length", b"%d" % reply.length), *self.headers))
        await write(self.send, reply.body, more=reply.cut)
        if reply.cut:
            await self.cut()

    async def cut(self) -> None:
        """Closes the connection in the middle of the body, after what was sent has left.

        ASGI has no message for it, so `server` hands in the transport's own close. Under another server nothing is
        done: the application then returns with its response incomplete, which makes that server close the connection.
        """
        extension = self.scope.get("extensions", {}).get(CUT_EXTENSION)
        if extension is not None:
            extension["close"]()
            await self.client.wait_gone()

    async def _part(self, script: Script, begin: int, end: int) -> None:
        """Sends the tokens from `begin` to `end`, with the head before the first and the tail after the last."""
        last = end == len(script.tokens)
        head = script.head if begin == 0 else b""
        body = b"".join((head, *script.tokens[begin:end], script.tail if last else b""))
        await write(self.send, body, more=not last or script.cut)
