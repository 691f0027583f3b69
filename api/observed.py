"""Around every endpoint: request id, server span, errors in the API's shape, metrics, one log line."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from opentelemetry.trace import SpanKind
from starlette.types import Receive, Scope, Send

from api.dialects.dialect import STAGE, Dialect, Header, error_headers, status_of
from api.exchange import Exchange
from api.gateway import Gateway
from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from infra.telemetry import about, names
from infra.telemetry.told import told
from infra.telemetry.tracing import AttributeValue, Span, parse_traceparent

_LOGGED = ("key_id", "model", "stream", "cache", "deployment", "attempts", "cost_usd", "first_token_ms")


class Visit:
    """One request's id and span, and the facts that its log line will have."""

    def __init__(self, request_id: str, span: Span) -> None:
        self.request_id = request_id
        self.span = span
        self.started = time.perf_counter()
        self.facts: dict[str, Any] = {}
        self.about = about.About(STAGE, request_id, trace_id=span.context.trace_id)
        self.error: PenstockError | None = None


Endpoint = Callable[[Exchange, Visit], Awaitable[None]]


class Observed:
    """An endpoint as an ASGI application."""

    def __init__(self, gateway: Gateway, route: str, endpoint: Endpoint, speaks: Callable[[Header], Dialect]) -> None:
        self._gateway = gateway
        self._speaks = speaks
        self._route = route
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        visit = self._begin(exchange)
        gauge = self._gateway.metrics.in_flight
        gauge.inc()
        try:
            await self._endpoint(exchange, visit)
        except PenstockError as error:
            await self._answer_error(exchange, visit, error)
        except asyncio.CancelledError:
            visit.error = PenstockError(ErrorCode.CANCELLED, "the server stopped", stage=STAGE)
            raise
        except Exception:
            self._gateway.log.exception("endpoint_failed")
            message = "an error of our own; it has been logged"
            await self._answer_error(exchange, visit, PenstockError(ErrorCode.INTERNAL_ERROR, message, stage=STAGE))
        finally:
            gauge.dec()
            self._finish(exchange, visit, time.perf_counter() - visit.started)
            about.begin(None)

    def _begin(self, exchange: Exchange) -> Visit:
        attributes: dict[str, AttributeValue] = {names.HTTP_METHOD: exchange.method, names.HTTP_ROUTE: self._route}
        parent = parse_traceparent(exchange.header(envelope.TRACEPARENT))
        name = f"{exchange.method} {self._route}"
        span = self._gateway.tracer.start(name, SpanKind.SERVER, parent, attributes)
        visit = Visit(self._gateway.inbox.new_request_id(), span)
        about.begin(visit.about)
        span.attributes[names.REQUEST_ID] = visit.request_id
        exchange.answer_headers["x-request-id"] = visit.request_id
        exchange.answer_headers["traceparent"] = span.context.traceparent()
        exchange.answer_headers |= self._speaks(exchange.header).answer_headers(visit.request_id)
        return visit

    def _finish(self, exchange: Exchange, visit: Visit, seconds: float) -> None:
        status, error = exchange.status or 499, visit.error
        visit.span.attributes[names.HTTP_STATUS] = status
        if error is not None:
            visit.span.attributes[names.ERROR_TYPE] = error.code
        visit.span.end(told(error) if error and (status >= 500 or status == 200) else None)
        self._gateway.metrics.requests.labels(self._route, str(status)).inc()
        self._gateway.metrics.seconds.observe(self._route, seconds, visit.span.context)
        facts = {name: visit.facts[name] for name in _LOGGED if visit.facts.get(name) is not None}
        self._gateway.log.info(
            "http_request",
            method=exchange.method,
            path=exchange.path,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            **facts,
            **({"error_code": error.code, "error_stage": error.stage} if error else {}),
        )

    async def _answer_error(self, exchange: Exchange, visit: Visit, error: PenstockError) -> None:
        """A JSON error, or, where a stream has begun, an error event without what ends a stream well."""
        visit.error = error
        if error.code is ErrorCode.CANCELLED:
            return
        dialect = self._speaks(exchange.header)
        if exchange.status is None:
            body = orjson.dumps(dialect.error(error, visit.request_id))
            await exchange.reply(status_of(error), body, error_headers(error))
        else:
            await exchange.write(dialect.error_event(error, visit.request_id, exchange.events), more=False)
