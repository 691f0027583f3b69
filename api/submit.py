"""Puts a prompt on its queue."""

from datetime import UTC, datetime

from api.auth import Principal
from api.gateway import Gateway
from api.prompt import Prompt
from contracts import envelope, subjects
from contracts.errors import PenstockError
from contracts.registry import template_of
from contracts.subjects import Lane
from infra.dispatch.outcome import Publication
from infra.dispatch.spans import send_span
from infra.telemetry.tracing import Span

_EVENT = "inference.requested"
_PATIENCE = 3.0
"""Seconds in which the broker may come back before the caller gets its 503."""


async def submit(gateway: Gateway, prompt: Prompt, principal: Principal, request_id: str, server_span: Span) -> None:
    """Return once the request is stored: from then on it gets exactly one terminal message.

    Raises `PenstockError`: `overloaded`, `pipeline_unavailable` or `request_too_large`.
    """
    message = Publication(
        event=_EVENT,
        subject=subjects.requested(Lane.INTERACTIVE, principal.tenant),
        key=f"{principal.tenant}.{request_id}.{_EVENT}",
        body=prompt.message(request_id),
    )
    span = send_span(gateway.tracer, template_of(_EVENT), message, server_span.context)
    headers = envelope.new_headers(event=_EVENT, message_id=message.key, source="penstock/api", now=datetime.now(UTC))
    headers[envelope.REQUEST_ID] = request_id
    headers[envelope.KEY_ID] = principal.key_id
    headers[envelope.INGRESS] = gateway.inbox.ingress
    headers[envelope.TRACEPARENT] = span.context.traceparent()
    if prompt.tracestate is not None:
        headers[envelope.TRACESTATE] = prompt.tracestate
    try:
        await gateway.publisher.publish(message.subject, message.body, headers, give_up_after=_PATIENCE)
    except PenstockError as error:
        span.end(error.message)
        raise
    span.end()
