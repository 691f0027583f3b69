"""Requests of the platform's own to its models: through the pipeline, as anybody's, with its retries and its ledger.

A document that is to be embedded by a model of the catalogue is a request like any other. It has an id that begins with
this client's own, so that the server brings its result back here, as it does for an ingress (ADR 0004).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import nats.errors
import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import envelope, subjects
from contracts.apis.embeddings import Vector, vectors_in
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_EMBEDDINGS, InferenceCompleted, InferenceFailed
from contracts.registry import template_of
from contracts.subjects import Lane
from infra.broker import Connection, Publisher
from infra.dispatch.outcome import Publication
from infra.dispatch.spans import send_span
from infra.results import Terminal, find_terminal_now, new_ingress, new_request_id, republished
from infra.telemetry.told import told
from infra.telemetry.tracing import TraceContext, Tracer

STAGE = "embedding"
_EVENT = "inference.requested"
_STOPPING = "this process is stopping"
_LOOK_AGAIN = 1.0
"""Seconds without a result after which it is looked for in its stream: what came while we were away was not told us."""
_GRACE = 5.0
"""Seconds beyond a request's deadline in which the pipeline says that it has passed."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector for each text, in their order, and the deployment that gave them."""

    vectors: list[Vector]
    deployment: str | None


class GatewayClient:
    """Asks the models of the catalogue, for a worker."""

    def __init__(self, connection: Connection, publisher: Publisher, tracer: Tracer) -> None:
        self._connection = connection
        self._publisher = publisher
        self._tracer = tracer
        self._ingress = new_ingress()
        self._waiting: dict[str, asyncio.Future[Terminal]] = {}
        self._subscription: Subscription | None = None
        self._closed = False

    async def open(self) -> None:
        """Listen for results."""
        subject = subjects.result(self._ingress, "*")
        self._subscription = await self._connection.client.subscribe(subject, cb=self._on_result)

    async def close(self) -> None:
        """Whoever still waits, or asks from now on, gets a `PenstockError` (`pipeline_unavailable`)."""
        self._closed = True
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_unavailable(_STOPPING))
        if (subscription := self._subscription) is not None:
            self._subscription = None
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def embed(  # noqa: PLR0913 - whose, what, and how long
        self,
        tenant: str,
        model: str,
        texts: Sequence[str],
        *,
        lane: Lane,
        parent: TraceContext | None,
        patience: float,
    ) -> Embedded:
        """Embed texts, none of them empty, by one request; the tenant pays. It has `patience` seconds.

        Raises `PenstockError`: that of the request's `failed`; `deadline_exceeded`, `overloaded` or
        `pipeline_unavailable`; `provider_error` for an answer that is none.
        """
        if self._closed:
            raise _unavailable(_STOPPING)
        request_id = new_request_id(self._ingress)
        future: asyncio.Future[Terminal] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        answered = False
        try:
            await self._ask(tenant, lane, request_id, _body(request_id, model, texts, patience), parent)
            body = await self._result(tenant, lane, request_id, future, patience)
            answered = True
        finally:
            self._waiting.pop(request_id, None)
            if not answered:
                await self._cancel(request_id)
        return _embedded(body, len(texts))

    async def _ask(self, tenant: str, lane: Lane, request_id: str, body: bytes, parent: TraceContext | None) -> None:
        message = Publication(_EVENT, subjects.requested(lane, tenant), f"{tenant}.{request_id}.{_EVENT}", body)
        source = f"penstock/{self._tracer.service}"
        headers = envelope.new_headers(event=_EVENT, message_id=message.key, source=source, now=datetime.now(UTC))
        headers[envelope.REQUEST_ID] = request_id
        span = send_span(self._tracer, template_of(_EVENT), message, parent)
        headers[envelope.TRACEPARENT] = span.context.traceparent()
        try:
            await self._publisher.publish(message.subject, body, headers)
        except PenstockError as error:
            span.end(told(error))
            raise
        span.end()

    async def _result(
        self, tenant: str, lane: Lane, request_id: str, future: "asyncio.Future[Terminal]", patience: float
    ) -> InferenceCompleted:
        """The request's answer. Raises the error of its `failed`."""
        until = time.monotonic() + patience + _GRACE
        while time.monotonic() < until:
            done, _ = await asyncio.wait((future,), timeout=_LOOK_AGAIN)
            js = self._connection.js
            found = future.result() if done else await find_terminal_now(js, lane, tenant, request_id)
            if found is not None:
                return _completed(found)
        raise _unavailable("the pipeline gave no answer")

    async def _cancel(self, request_id: str) -> None:
        """Nobody waits for it any more: its provider need not go on."""
        try:
            await self._connection.client.publish(subjects.cancel(request_id))
        except (nats.errors.Error, OSError):
            # The broker is away: the request runs to its end or its deadline.
            return

    async def _on_result(self, message: Msg) -> None:
        future = self._waiting.get(self._ingress + message.subject.rpartition(".")[2])
        if future is not None and not future.done():
            future.set_result(republished(message))


def _body(request_id: str, model: str, texts: Sequence[str], patience: float) -> bytes:
    """What is asked. No cache: vectors are kept beside the index, and a cached one would outlive a change of models."""
    return orjson.dumps(
        {
            "request_id": request_id,
            "api": OPENAI_EMBEDDINGS,
            "request": {"model": model, "input": list(texts), "encoding_format": "base64"},
            "deadline": envelope.rfc3339(datetime.fromtimestamp(time.time() + patience, UTC)),
            "cache_control": "no-store",
        }
    )


def _completed(terminal: Terminal) -> InferenceCompleted:
    outcome = terminal.outcome()
    if isinstance(outcome, InferenceFailed):
        raise outcome.error.to_error()
    return outcome


def _embedded(answer: InferenceCompleted, texts: int) -> Embedded:
    try:
        return Embedded(vectors_in(answer.response, texts), answer.deployment)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        message = "the provider sent vectors that can't be read"
        raise PenstockError(ErrorCode.PROVIDER_ERROR, message, stage=STAGE, retryable=True) from error


def _unavailable(reason: str) -> PenstockError:
    return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, reason, stage=STAGE, retryable=True)
