"""From what arrives in a mailbox to the HTTP answer: whole, or as a stream."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from api.dialects.dialect import STAGE, STREAM_CONTENT_TYPE, Dialect
from api.exchange import Exchange
from api.inbox import Delta, Inbox, Item, Left, Mailbox
from api.prompt import Prompt
from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import InferenceFailed
from contracts.limits import Rooms
from infra.results import Terminal

_GRACE = 1.0
"""Seconds after the deadline in which the pipeline's own `failed` may still arrive."""
_STRAGGLERS = 1.0
"""Seconds in which deltas may arrive behind the terminal message: in a NATS cluster the two take different ways."""


class Answer:
    """Writes one answer. `facts` are what the log line and the server span say about it."""

    def __init__(self, exchange: Exchange, box: Mailbox, inbox: Inbox, prompt: Prompt, dialect: Dialect) -> None:
        self._dialect = dialect
        self._exchange = exchange
        self._box = box
        self._inbox = inbox
        self._prompt = prompt
        self._deadline = asyncio.get_running_loop().time() + _GRACE
        self._deadline += (prompt.deadline - datetime.now(UTC)).total_seconds()
        self._received = 0
        self.facts: dict[str, Any] = {}
        self.first_token_at: float | None = None

    async def write(self) -> None:
        """Write it all. Raises `PenstockError` where it fails or the client leaves, whether or not it has begun."""
        while True:
            item = await self._next()
            match item:
                case Delta():
                    await self._on_delta(item)
                case Terminal(completed=True):
                    return await self._on_completed(orjson.loads(item.body))
                case Terminal():
                    raise InferenceFailed.model_validate_json(item.body).error.to_error()
                case Left():
                    raise PenstockError(ErrorCode.CANCELLED, "the client went away", stage=STAGE)

    async def _next(self) -> Item:
        item = await self._arrived()
        if self._received == 0 and not isinstance(item, Left) and (rooms := item.headers.get(envelope.ROOMS)):
            self._exchange.answer_headers |= self._dialect.room_headers(Rooms.model_validate_json(rooms))
        return item

    async def _arrived(self) -> Item:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._box.get()
        except TimeoutError:
            # The result may be there, and only its way to us broken.
            if terminal := await self._inbox.stored_result(self._box):
                return terminal
            message = "the request was not answered before its deadline"
            raise PenstockError(ErrorCode.DEADLINE_EXCEEDED, message, stage=STAGE) from None

    async def _on_delta(self, first: Delta) -> None:
        """Write what is there in one go: a fast provider's chunks arrive faster than a socket wants to be woken."""
        if self._received == 0:
            await self._exchange.start(200, _route_headers(first.headers), STREAM_CONTENT_TYPE)
        events = [self._event(first), *(self._event(delta) for delta in self._box.deltas_there())]
        await self._exchange.write(b"".join(events), more=True)
        self.first_token_at = self.first_token_at or time.perf_counter()

    def _event(self, delta: Delta) -> bytes:
        if delta.sequence != self._received + 1:
            # Lost on core NATS, or begun again by another worker: either way what follows would not fit.
            message = "a part of the answer was lost on its way"
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True)
        self._received += 1
        self._exchange.events += 1
        return self._dialect.event(delta.body)

    async def _on_completed(self, completed: dict[str, Any]) -> None:
        self.facts |= {name: completed.get(name) for name in ("cache", "deployment", "attempts", "cost_usd")}
        if not self._prompt.stream:
            return await self._exchange.reply(200, orjson.dumps(completed["response"]), _result_headers(completed))
        if self._received == 0:
            await self._exchange.start(200, _result_headers(completed), STREAM_CONTENT_TYPE)
            events = self._dialect.replay(completed["response"], include_usage=self._prompt.include_usage)
            await self._exchange.write(b"".join(events), more=True)
        else:
            await self._collect_stragglers(completed["deltas"])
        return await self._exchange.write(self._dialect.done, more=False)

    async def _collect_stragglers(self, count: int) -> None:
        self._deadline = asyncio.get_running_loop().time() + _STRAGGLERS
        while self._received < count:
            item = await self._next()
            if not isinstance(item, Delta):
                message = "the end of the answer was lost on its way"
                raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True)
            await self._on_delta(item)


def _route_headers(headers: dict[str, str]) -> dict[str, str]:
    found = {
        "cache-control": "no-cache",
        "x-penstock-cache": headers.get(envelope.CACHE_STATUS),
        "x-penstock-route": headers.get(envelope.ROUTE),
        "x-penstock-model": headers.get(envelope.DEPLOYMENT),
        "x-penstock-attempts": headers.get(envelope.ATTEMPTS),
    }
    return {name: value for name, value in found.items() if value}


def _result_headers(completed: dict[str, Any]) -> dict[str, str]:
    found = {
        "x-penstock-cache": completed.get("cache"),
        "x-penstock-route": completed.get("route"),
        "x-penstock-model": completed.get("deployment"),
        "x-penstock-attempts": completed.get("attempts", 0),
        "x-penstock-cost-usd": completed.get("cost_usd"),
        "x-penstock-saved-usd": completed.get("saved_usd"),
        "x-penstock-estimated": "true" if (completed.get("usage") or {}).get("estimated") else None,
    }
    return {name: str(value) for name, value in found.items() if value is not None}
