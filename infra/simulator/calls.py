"""One call that asks a model for something, from its arrival to its last byte."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from infra.simulator.asgi import Header, Receive, Scope, Send, respond_json
from infra.simulator.client import Client
from infra.simulator.delivery import Exchange, pace_of
from infra.simulator.dialect import Dialect, RequestT, Script, Shape, Stamp, Whole, whole_reply
from infra.simulator.errors import ApiError, ClientGoneError
from infra.simulator.faults import (
    Ordinals,
    error_of,
    filters,
    retry_after_s,
    spoil_reply,
    spoil_stream,
    stream_fault_of,
)
from infra.simulator.knobs import Fault, Knobs, read_knobs
from infra.simulator.options import SimulatorOptions
from infra.simulator.stats import CallRecord, Outcome, Stats


def new_stamp() -> Stamp:
    """A stamp of now with an id of its own."""
    return Stamp(os.urandom(16).hex(), int(time.time()))


@dataclass(frozen=True, slots=True)
class Call(Generic[RequestT]):
    """What one call has at hand."""

    dialect: Dialect[RequestT]
    headers: Mapping[bytes, bytes]
    exchange: Exchange
    stamp: Stamp
    record: CallRecord


def receive_call(
    dialect: Dialect[RequestT], stats: Stats, scope: Scope, receive: Receive, send: Send
) -> Call[RequestT]:
    """Counts a call on its arrival."""
    headers = dict(scope["headers"])
    stamp = new_stamp()
    record = stats.receive(headers.get(b"idempotency-key", b"").decode("latin-1"), scope["path"])
    exchange = Exchange(scope, send, Client(receive), (request_id_header(dialect, stamp),))
    return Call(dialect, headers, exchange, stamp, record)


async def answer_call(call: Call[RequestT], options: SimulatorOptions) -> None:
    """Answers a call, whatever that is, and counts how it ended."""
    outcome = Outcome.FAILED
    try:
        outcome = await _answer(call, options)
    except ClientGoneError:
        outcome = Outcome.CANCELLED
    finally:
        call.exchange.client.close()
        call.record.end(outcome)


async def _answer(call: Call[RequestT], options: SimulatorOptions) -> Outcome:
    body = await call.exchange.client.body()
    try:
        request = call.dialect.parse(body)
        ordinals = call.record.name_request(request.model, body)
        knobs = read_knobs(request.model, call.headers, options)
    except ApiError as error:
        return await _fail(call, error)
    if instead := error_of(knobs, ordinals, stream=request.stream):
        await call.exchange.client.wait_until(knobs.latency_ms / 1000)
        return await _fail(call, instead, retry_after_s(knobs, instead))
    try:
        response = _respond(call, request, knobs, ordinals)
    except ApiError as error:
        return await _fail(call, error)
    return await _deliver(call, response, knobs, stream_fault_of(knobs, ordinals))


def _respond(call: Call[RequestT], request: RequestT, knobs: Knobs, ordinals: Ordinals) -> Script | Whole:
    """The answer; ApiError 400 for a prompt that is too long or asks for what there is not."""
    if knobs.window is not None:
        tokens = call.dialect.prompt_tokens(request)
        if tokens > knobs.window:
            raise call.dialect.too_long(tokens, knobs.window)
    return call.dialect.respond(request, knobs, call.stamp, filtered=filters(knobs, ordinals))


async def _deliver(call: Call[RequestT], response: Script | Whole, knobs: Knobs, fault: Fault | None) -> Outcome:
    pace = pace_of(knobs)
    call.record.usage = response.usage
    if isinstance(response, Script):
        if fault is not None:
            response = spoil_stream(response, fault, knobs, call.dialect, call.stamp)
        await call.exchange.stream(response, pace)
    else:
        reply = whole_reply(response.body)
        await call.exchange.reply(reply if fault is None else spoil_reply(reply, fault), response.steps, pace)
    return Outcome.COMPLETED if fault is None else Outcome.FAILED


async def _fail(call: Call[RequestT], error: ApiError, retry_s: float | None = None) -> Outcome:
    await send_error(call.exchange.send, call.dialect, error, call.stamp, retry_s)
    return Outcome.FAILED


async def send_error(send: Send, shape: Shape, error: ApiError, stamp: Stamp, retry_s: float | None = None) -> None:
    """Sends an error in the API's shape, with its request id and, where there is one, when to come back, in seconds."""
    headers = [request_id_header(shape, stamp)]
    if retry_s is not None:
        headers.append((b"retry-after", b"%g" % retry_s))
    await respond_json(send, error.kind.value, shape.error(error, stamp), headers)


def request_id_header(shape: Shape, stamp: Stamp) -> Header:
    """The header that names a call, under the API's own name for it."""
    return shape.request_id_header, stamp.request_id.encode()
