"""Puts a prompt on its queue, takes it off again, and stores what is known of a response."""

from datetime import UTC, datetime

import nats.errors

from api.auth import Principal
from api.gateway import Gateway
from api.observed import Visit
from api.prompt import Prompt
from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.registry import template_of
from contracts.subjects import Lane
from infra.dispatch.outcome import Publication
from infra.dispatch.spans import send_span
from infra.telemetry.told import told

_EVENT = "inference.requested"
_PATIENCE = 3.0
"""Seconds in which the broker may come back before the caller gets its 503."""


async def submit(
    gateway: Gateway, prompt: Prompt, principal: Principal, visit: Visit, lane: Lane = Lane.INTERACTIVE
) -> None:
    """Return once the request is stored: from then on it gets exactly one terminal message.

    Raises `PenstockError`: `overloaded`, `pipeline_unavailable` or `request_too_large`.
    """
    request_id = visit.request_id
    headers = {envelope.REQUEST_ID: request_id, envelope.KEY_ID: principal.key_id}
    if lane is Lane.INTERACTIVE:
        headers[envelope.INGRESS] = gateway.inbox.ingress
    if prompt.tracestate is not None:
        headers[envelope.TRACESTATE] = prompt.tracestate
    message = Publication(
        event=_EVENT,
        subject=subjects.requested(lane, principal.tenant),
        key=f"{principal.tenant}.{request_id}.{_EVENT}",
        body=prompt.message(request_id),
        headers=headers,
    )
    try:
        await publish(gateway, message, visit)
    except PenstockError as error:
        if error.code is ErrorCode.PIPELINE_UNAVAILABLE:
            # The broker may have stored, or may store yet, what it did not confirm: nobody waits for that any more.
            await cancel(gateway, request_id)
        raise


async def publish(gateway: Gateway, message: Publication, visit: Visit) -> None:
    """Store one message, under a span of its own. Raises `PenstockError` as `submit` does."""
    span = send_span(gateway.tracer, template_of(message.event), message, visit.span.context)
    headers = envelope.new_headers(
        event=message.event, message_id=message.key, source="penstock/api", now=datetime.now(UTC)
    )
    headers[envelope.TRACEPARENT] = span.context.traceparent()
    headers.update(message.headers)
    try:
        await gateway.publisher.publish(message.subject, message.body, headers, give_up_after=_PATIENCE)
    except PenstockError as error:
        span.end(told(error))
        raise
    span.end()


async def cancel(gateway: Gateway, request_id: str) -> None:
    """Tell the pipeline that nobody waits for a request any more."""
    try:
        await gateway.connection.client.publish(subjects.cancel(request_id))
    except (nats.errors.Error, OSError):
        # The broker is away: the request runs to its end or its deadline, and its result waits unread.
        gateway.log.warning("cancel_not_sent", request_id=request_id)
