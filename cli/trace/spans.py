"""A span as it is shown, wherever it was read from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.registry import template_of

_ROOT = "penstock.v1."
_READ_ONLY = tuple(template_of(event) for event in ("inference.failed", "documents.indexed", "documents.failed"))
"""What is there to be read: no stage takes it."""

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something at one moment of a span; `at_ns` in nanoseconds since 1970."""

    name: str
    at_ns: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One span. Ids are in hexadecimal, `parent_id` is empty for a first one; times in nanoseconds since 1970.

    `error` is the sentence of a failed one, else None; `links` are the ids of other traces.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    started_ns: int
    ended_ns: int
    attributes: Attributes
    events: Sequence[Happened] = ()
    error: str | None = None
    links: Sequence[str] = ()


def is_whole(spans: Sequence[TraceSpan]) -> bool:
    """Whether nothing more is to come: there is a beginning, and nothing is missing."""
    return any(span.kind == "SERVER" or not span.parent_id for span in spans) and not any(missing_from(spans))


def missing_from(spans: Sequence[TraceSpan]) -> Iterator[str]:
    """A sentence for each parent that is not there, and for each message that is sent on and nobody has taken.

    A parent outside Penstock, above the first span of the ingress, is nobody's to find.
    """
    ids, parents = {span.span_id for span in spans}, {span.parent_id for span in spans}
    for span in spans:
        if span.kind == "PRODUCER" and span.span_id not in parents and not span.name.endswith(_READ_ONLY):
            yield f"nobody has taken «{short(span.name)}» yet"
        elif span.parent_id and span.parent_id not in ids and span.kind != "SERVER":
            yield f"what «{short(span.name)}» hangs below is not there"


def short(name: str) -> str:
    """`process penstock.v1.inference.requested.{lane}.{tenant}` is `process inference.requested`."""
    words = name.partition(".{")[0] if _ROOT in name else name
    return words.replace(_ROOT, "")
