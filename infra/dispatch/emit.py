"""Publishing with a span: each message's `traceparent` is its own send span, so the next hop hangs below it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.registry import template_of
from infra.broker import Publisher, Stored
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.dispatch.spans import send_span
from infra.telemetry import names
from infra.telemetry.baggage import baggage_of
from infra.telemetry.told import told
from infra.telemetry.tracing import Span, Tracer


class Sends:
    """The publications of one outcome that is held while a queue is full.

    Each has one span from its first try to its last, however many there are, and what is stored is not sent again.
    """

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self.stored: dict[str, Stored] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """The spans of what was not stored end as well."""
        for span in self.spans.values():
            span.end(f"the queue ahead was full at each of {span.attributes[names.REFUSALS]} tries")


class Emitter:
    """Stores publications in the name of a job."""

    def __init__(self, publisher: Publisher, tracer: Tracer) -> None:
        self._publisher = publisher
        self._tracer = tracer

    async def emit_all(self, job: Job, publications: Sequence[Publication], sends: Sends | None = None) -> list[Stored]:
        """Store all of them, at the same time. With `sends` it may be called again for those that a full queue refused.

        Raises `PenstockError` where one could not be stored, once it is known of each of them.
        """
        if len(publications) == 1:
            return [await self.emit(job, publications[0], sends)]
        emits = (self.emit(job, publication, sends) for publication in publications)
        results = await asyncio.gather(*emits, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, Stored)]

    async def emit(self, job: Job, publication: Publication, sends: Sends | None = None) -> Stored:
        """Store one message under a send span. Raises `PenstockError`."""
        sends, held = sends or Sends(), sends is not None
        if (known := sends.stored.get(publication.key)) is not None:
            return known
        if not publication.carry:
            stored = await self._publish(job, publication, job.span)
        else:
            stored = await self._with_span(job, publication, sends, held=held)
        sends.stored[publication.key] = stored
        return stored

    async def _with_span(self, job: Job, publication: Publication, sends: Sends, *, held: bool) -> Stored:
        span = sends.spans.pop(publication.key, None) or self._span(job, publication)
        try:
            stored = await self._publish(job, publication, span)
        except PenstockError as error:
            if held and error.code is ErrorCode.OVERLOADED:
                sends.spans[publication.key] = _refused(span)
            else:
                span.end(told(error))
            raise
        span.attributes[names.OUTCOME] = stored.value
        span.end()
        return stored

    def _span(self, job: Job, publication: Publication) -> Span:
        template = template_of(publication.event)
        if not publication.apart:
            return send_span(self._tracer, template, publication, job.span.context)
        span = send_span(self._tracer, template, publication, None, (job.span.context,))
        span.attributes[names.WITHIN] = job.request_id
        return span

    async def _publish(self, job: Job, publication: Publication, span: Span) -> Stored:
        headers = self._headers(job, publication, span)
        return await self._publisher.publish(publication.subject, publication.body, headers)

    def _headers(self, job: Job, publication: Publication, span: Span) -> dict[str, str]:
        headers = envelope.new_headers(
            event=publication.event,
            message_id=publication.key,
            source=f"penstock/{self._tracer.service}",
            now=datetime.now(UTC),
        )
        if publication.carry:
            headers.update({name: job.headers[name] for name in envelope.CARRIED if name in job.headers})
        headers[envelope.REQUEST_ID] = job.request_id
        headers[envelope.TENANT] = job.tenant
        headers[envelope.TRACEPARENT] = span.context.traceparent()
        if state := job.headers.get(envelope.TRACESTATE):
            headers[envelope.TRACESTATE] = state
        if publication.terminal:
            headers[envelope.EXPECTED_LAST_SEQUENCE] = "0"
            headers[envelope.EXPECTED_LAST_SEQUENCE_SUBJECT] = subjects.terminal(job.lane, job.tenant, job.request_id)
        headers.update(publication.headers)
        if publication.carry and self._tracer.baggage != "off":
            headers[envelope.BAGGAGE] = baggage_of(job.tenant, headers.get(envelope.TAGS))
        return headers


def _refused(span: Span) -> Span:
    """A full queue took nothing: the first time is an event, the others are counted."""
    before = span.attributes.get(names.REFUSALS, 0)
    if not before:
        span.add_event(names.SEND_REFUSED, {})
    span.attributes[names.REFUSALS] = before + 1 if isinstance(before, int) else 1
    return span
