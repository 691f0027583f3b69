"""Spans of work that is done for several messages at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.trace import SpanKind

from contracts.errors import PenstockError
from infra.telemetry import names
from infra.telemetry.told import told
from infra.telemetry.tracing import AttributeValue, Span, Tracer


@contextmanager
def batch_span(
    tracer: Tracer, name: str, spans: Sequence[Span], attributes: dict[str, AttributeValue]
) -> Iterator[Span]:
    """A trace of its own that links to each message's span, and each of them to it; for one message a child of its."""
    contexts = [span.context for span in spans]
    alone = len(spans) == 1
    attributes = {names.BATCH_MESSAGES: len(spans), **attributes}
    batch = tracer.start(
        name, SpanKind.INTERNAL, contexts[0] if alone else None, attributes, links=() if alone else contexts
    )
    for span in () if alone else spans:
        span.links = (*span.links, batch.context)
    problem: str | None = "it was not finished"
    try:
        yield batch
        problem = None
    except PenstockError as error:
        problem = told(error)
        raise
    finally:
        batch.end(problem)
