"""Requests over core NATS: a task each, one answer each, whatever happens to it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from opentelemetry.trace import SpanKind

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from infra.dispatch.spans import received
from infra.telemetry import names
from infra.telemetry.logs import Logger
from infra.telemetry.told import told
from infra.telemetry.tracing import Span, Tracer, parse_traceparent
from workers.retrieval.errors import STAGE, overloaded

_MOST_IN_HAND = 1000
_LAST_CALL = 2.0

Answer = Callable[[str, bytes, Span], Awaitable[bytes]]
"""From a tenant, a body and the span of the request to the answer. Raises `PenstockError`."""
Refuse = Callable[[PenstockError], bytes]
"""How the answer tells an error."""


@dataclass(frozen=True, slots=True)
class Door:
    """What is answered: `subject` ends in a wildcard that stands for the tenant."""

    subject: str
    template: str
    answer: Answer
    refuse: Refuse


class Answering:
    """Answers at one door, sharing its requests with all who have the same `group`."""

    def __init__(self, client: Client, door: Door, group: str, tracer: Tracer, log: Logger) -> None:
        self._client = client
        self._door = door
        self._group = group
        self._tracer = tracer
        self._log = log
        self._subscription: Subscription | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take requests from now on."""
        self._subscription = await self._client.subscribe(self._door.subject, self._group, cb=self._take)

    async def close(self, patience: float) -> None:
        """Take no more, and finish what is in hand; what takes longer than `patience` seconds is cut off."""
        if self._subscription is not None:
            # While the broker is away nobody sends us anything.
            with suppress(nats.errors.Error, TimeoutError):
                async with asyncio.timeout(_LAST_CALL):
                    await self._subscription.drain()  # type: ignore[no-untyped-call]
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _take(self, message: Msg) -> None:
        task = asyncio.create_task(self._respond(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, message: Msg) -> None:
        reply = await self._answer(message)
        try:
            await message.respond(reply)
        except nats.errors.MaxPayloadError:
            text = f"an answer of {len(reply)} bytes is more than the broker takes: ask for fewer results"
            await message.respond(self._door.refuse(PenstockError(ErrorCode.REQUEST_TOO_LARGE, text, stage=STAGE)))
        except (nats.errors.Error, OSError) as error:
            # The broker is away: whoever asked asks again.
            self._log.warning("answer_not_sent", subject=message.subject, error=told(error))

    async def _answer(self, message: Msg) -> bytes:
        span = self._span(message)
        problem: str | None = None
        try:
            self._require_room()
            return await self._door.answer(message.subject.rpartition(".")[2], message.data, span)
        except PenstockError as error:
            problem = told(error)
            return self._door.refuse(error)
        except Exception as error:  # noqa: BLE001 - a bug costs one request its answer, not the worker its life
            problem = told(error)
            self._log.error("answer_failed", subject=message.subject, exc_info=error)
            text = "the retrieval worker failed on this request"
            return self._door.refuse(PenstockError(ErrorCode.INTERNAL_ERROR, text, stage=STAGE))
        finally:
            span.end(problem)

    def _require_room(self) -> None:
        if len(self._tasks) > _MOST_IN_HAND:
            raise overloaded("too many searches at once: try again in a moment")

    def _span(self, message: Msg) -> Span:
        headers = message.headers or {}
        attributes = received(message, self._door.template, self._group) | {
            names.TENANT: message.subject.rpartition(".")[2],
            names.STAGE: STAGE,
        }
        if request_id := headers.get(envelope.REQUEST_ID):
            attributes[names.REQUEST_ID] = request_id
        parent = parse_traceparent(headers.get(envelope.TRACEPARENT))
        return self._tracer.start(f"process {self._door.template}", SpanKind.CONSUMER, parent, attributes)
