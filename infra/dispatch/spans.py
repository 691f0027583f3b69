"""The two spans of a hop: PRODUCER where a message is sent, CONSUMER where it is processed."""

import time
from collections.abc import Sequence

from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind

from contracts import deadletter, envelope
from contracts.errors import ErrorCode, PenstockError
from infra.dispatch.job import Identity, Position
from infra.dispatch.outcome import Publication
from infra.dispatch.stage import StageSpec
from infra.telemetry import names
from infra.telemetry.told import told
from infra.telemetry.tracing import AttributeValue, Span, TraceContext, Tracer, parse_traceparent


def received(message: Msg, template: str, group: str) -> dict[str, AttributeValue]:
    """What the span of a message's processing says of it, wherever the message came from."""
    return {
        names.MESSAGING_SYSTEM: names.NATS,
        names.MESSAGING_OPERATION: names.PROCESS,
        names.MESSAGING_OPERATION_NAME: names.PROCESS,
        names.MESSAGING_DESTINATION: message.subject,
        names.MESSAGING_TEMPLATE: template,
        names.MESSAGING_GROUP: group,
    }


def process_span(tracer: Tracer, template: str, message: Msg, position: Position, identity: Identity | None) -> Span:
    """The hop's CONSUMER span. Its parent is the sender's span; the wait in the queue lies between the two.

    `identity` is None for a message of which nobody can tell whose it is.
    """
    attributes = received(message, template, position.consumer) | {
        names.NATS_STREAM: position.stream,
        names.NATS_SEQUENCE: position.sequence,
        names.DELIVERY_COUNT: position.deliveries,
        names.QUEUE_WAIT_MS: round(max(time.time() - position.stored_at, 0.0) * 1000, 3),
    }
    if identity is not None:
        attributes[names.REQUEST_ID] = identity.request_id
        attributes[names.TENANT] = identity.tenant
        attributes[names.LANE] = identity.lane
    headers = message.headers or {}
    parent, before = (parse_traceparent(headers.get(name)) for name in (envelope.TRACEPARENT, deadletter.LINK))
    links = () if before is None else (before,)
    return tracer.start(f"process {template}", SpanKind.CONSUMER, parent, attributes, links=links)


def send_span(
    tracer: Tracer,
    template: str,
    publication: Publication,
    parent: TraceContext | None,
    links: Sequence[TraceContext] = (),
) -> Span:
    """The hop's PRODUCER span; the message carries it as `traceparent`."""
    attributes: dict[str, AttributeValue] = {
        names.MESSAGING_SYSTEM: names.NATS,
        names.MESSAGING_OPERATION: names.SEND,
        names.MESSAGING_OPERATION_NAME: names.SEND,
        names.MESSAGING_DESTINATION: publication.subject,
        names.MESSAGING_TEMPLATE: template,
        names.MESSAGING_MESSAGE_ID: publication.key,
        names.MESSAGING_BODY_SIZE: len(publication.body),
    }
    return tracer.start(f"send {template}", SpanKind.PRODUCER, parent, attributes, links=links)


def told_of(span: Span, error: PenstockError | None) -> str | None:
    """The sentence that makes a span a failed one. None where the caller left, or had no room: nothing is broken."""
    if error is None:
        return None
    span.attributes[names.ERROR_TYPE] = error.code
    return None if error.code in (ErrorCode.CANCELLED, ErrorCode.RATE_LIMITED) else told(error)


def unread(tracer: Tracer, spec: StageSpec, message: Msg, position: Position, error: PenstockError) -> None:
    """The span of a message that can't be read, and is put into the dead letter."""
    span = process_span(tracer, spec.template, message, position, None)
    span.attributes |= {names.STAGE: spec.name, names.OUTCOME: "dead_letter", names.ERROR_TYPE: error.code}
    span.end(told(error))
