"""Publishing with a span: each message's `traceparent` is its own send span, so the next hop hangs below it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from contracts import envelope, subjects
from contracts.errors import PenstockError
from contracts.registry import template_of
from infra.broker import Publisher, Stored
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.dispatch.spans import send_span
from infra.telemetry import names
from infra.telemetry.baggage import baggage_of
from infra.telemetry.told import told
from infra.telemetry.tracing import Span, Tracer


class Emitter:
    """Stores publications in the name of a job."""

    def __init__(self, publisher: Publisher, tracer: Tracer) -> None:
        self._publisher = publisher
        self._tracer = tracer

    async def emit_all(self, job: Job, publications: Sequence[Publication]) -> list[Stored]:
        """Store all of them, at the same time. Raises `PenstockError` where one could not be stored."""
        if len(publications) == 1:
            return [await self.emit(job, publications[0])]
        return list(await asyncio.gather(*(self.emit(job, publication) for publication in publications)))

    async def emit(self, job: Job, publication: Publication) -> Stored:
        """Store one message under a send span. Raises `PenstockError`."""
        if not publication.carry:
            return await self._publish(job, publication, job.span)
        parent, links = (None, (job.span.context,)) if publication.apart else (job.span.context, ())
        span = send_span(self._tracer, template_of(publication.event), publication, parent, links)
        try:
            stored = await self._publish(job, publication, span)
        except PenstockError as error:
            span.end(told(error))
            raise
        span.attributes[names.OUTCOME] = stored.value
        span.end()
        return stored

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
