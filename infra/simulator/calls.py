"""One call to a chat endpoint, from its arrival to its last byte."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from infra.simulator.answers import compose
from infra.simulator.asgi import Header, Receive, Scope, Send, respond_json
from infra.simulator.client import Client
from infra.simulator.delivery import Exchange, pace_of
from infra.simulator.dialect import Dialect, Stamp, whole_reply
from infra.simulator.errors import ApiError, ClientGoneError, ErrorKind
from infra.simulator.faults import error_of, spoil_reply, spoil_stream, stream_fault_of
from infra.simulator.knobs import Fault, Knobs, read_knobs
from infra.simulator.options import SimulatorOptions
from infra.simulator.requests import ChatRequest
from infra.simulator.stats import CallRecord, Outcome, Stats

RETRY_AFTER: Header = (b"retry-after", b"1")


def new_stamp() -> Stamp:
    """A stamp of now with an id of its own."""
    return Stamp(os.urandom(16).hex(), int(time.time()))


@dataclass(frozen=True, slots=True)
class Call:
    """What one call has at hand."""

    dialect: Dialect
    headers: Mapping[bytes, bytes]
    exchange: Exchange
    stamp: Stamp
    record: CallRecord


def receive_call(dialect: Dialect, stats: Stats, scope: Scope, receive: Receive, send: Send) -> Call:
    """Counts a call on its arrival."""
    headers = dict(scope["headers"])
    stamp = new_stamp()
    record = stats.receive(headers.get(b"idempotency-key", b"").decode("latin-1"))
    exchange = Exchange(scope, send, Client(receive), (request_id_header(dialect, stamp),))
    return Call(dialect, headers, exchange, stamp, record)


async def answer_call(call: Call, options: SimulatorOptions) -> None:
    """Answers a call, whatever that is, and counts how it ended."""
    outcome = Outcome.FAILED
    try:
        outcome = await _answer(call, options)
    except ClientGoneError:
        outcome = Outcome.CANCELLED
    finally:
        call.exchange.client.close()
        call.record.end(outcome)


async def _answer(call: Call, options: SimulatorOptions) -> Outcome:
    body = await call.exchange.client.body()
    try:
        request = call.dialect.parse(body)
        ordinals = call.record.name_request(request.model, body)
        knobs = read_knobs(request.model, call.headers, options)
    except ApiError as error:
        return await _fail(call, error)
    if instead := error_of(knobs, ordinals, stream=request.stream):
        await call.exchange.client.wait_until(knobs.latency_ms / 1000)
        return await _fail(call, instead)
    return await _deliver(call, request, knobs, stream_fault_of(knobs, ordinals))


async def _deliver(call: Call, request: ChatRequest, knobs: Knobs, fault: Fault | None) -> Outcome:
    answer, pace = compose(request, knobs), pace_of(knobs)
    if request.stream:
        script = call.dialect.script(request, answer, call.stamp)
        if fault is not None:
            script = spoil_stream(script, fault, knobs, call.dialect, call.stamp)
        await call.exchange.stream(script, pace)
    else:
        reply = whole_reply(call.dialect.reply(request, answer, call.stamp))
        steps = max(len(choice.tokens) for choice in answer.choices)
        await call.exchange.reply(reply if fault is None else spoil_reply(reply, fault), steps, pace)
    return Outcome.COMPLETED if fault is None else Outcome.FAILED


async def _fail(call: Call, error: ApiError) -> Outcome:
    await send_error(call.exchange.send, call.dialect, error, call.stamp)
    return Outcome.FAILED


async def send_error(send: Send, dialect: Dialect, error: ApiError, stamp: Stamp) -> None:
    """Sends an error in the API's shape, with its request id and, for a rate limit, when to come back."""
    request_id = request_id_header(dialect, stamp)
    headers = (request_id, RETRY_AFTER) if error.kind is ErrorKind.RATE_LIMIT else (request_id,)
    await respond_json(send, error.kind.value, dialect.error(error, stamp), headers)


def request_id_header(dialect: Dialect, stamp: Stamp) -> Header:
    """The header that names a call, under the API's own name for it."""
    return dialect.request_id_header, stamp.request_id.encode()
