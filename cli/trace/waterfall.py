"""From the spans of a trace to the rows of a waterfall: what hangs below what, when, and what there is to say of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cli.trace.spans import Attributes, Happened, TraceSpan, missing_from, short
from infra.telemetry import names

_PREFIX = "penstock-"
_USUAL = ("new", "forwarded")
"""Outcomes that the span below shows: a message that was stored for the first time, or passed on."""
_TOLD: tuple[tuple[str, Callable[[object], str]], ...] = (
    (names.ATTEMPT, "attempt {}".format),
    (names.CALL_KIND, str),
    (names.DEPLOYMENT, str),
    (names.HTTP_STATUS, "{}".format),
    (names.REFUSALS, "refused {} times".format),
    (names.OUTCOME, lambda outcome: "" if outcome in _USUAL else str(outcome)),
    (names.DELIVERY_COUNT, lambda count: f"delivery {count}" if count != 1 else ""),
    (names.CACHE, "cache {}".format),
    (names.ROUTE, "route {}".format),
    (names.RESIDENCY, "residency {}".format),
    (names.GEN_AI_INPUT_TOKENS, lambda tokens: f"{tokens} in" if tokens else ""),
    (names.GEN_AI_OUTPUT_TOKENS, lambda tokens: f"{tokens} out" if tokens else ""),
    (names.FIRST_TOKEN_MS, "first token {} ms".format),
    (names.RETRIEVAL_HITS, "{} hits".format),
    (names.CHUNKS, "{} chunks".format),
    (names.EMBEDDED, "{} embedded".format),
    (names.REUSED, "{} reused".format),
    (names.BATCH_MESSAGES, "batch of {}".format),
    (names.SLOT_WAIT_MS, lambda wait: f"slot wait {wait} ms" if isinstance(wait, float) and wait >= 1 else ""),
    (names.COST_USD, lambda cost: f"${cost:.6f}" if isinstance(cost, float) and cost else ""),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One span. Times are in milliseconds from the beginning of the trace; `waited` is how long its message was queued
    before it. `orphan`: its parent is not there.
    """

    depth: int
    stage: str
    what: str
    start: float
    end: float
    waited: float
    notes: tuple[str, ...]
    error: str | None
    events: tuple[tuple[float, str], ...]
    orphan: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace. `milliseconds` from its first moment to its last; `links` are the ids of other traces; `within`
    of those that were begun in its name.
    """

    trace_id: str
    request_ids: tuple[str, ...]
    tenant: str
    milliseconds: float
    rows: tuple[Row, ...]
    cost_usd: float | None
    links: tuple[str, ...]
    missing: tuple[str, ...]
    within: tuple[str, ...] = ()


def waterfall_of(spans: Iterable[TraceSpan]) -> Waterfall:
    """Lay out the spans, at least one, of one trace. One that came twice is one."""
    found = sorted({span.span_id: span for span in spans}.values(), key=lambda span: (span.started_ns, span.span_id))
    began = min(_queued_ns(span) for span in found)
    ids = {span.span_id for span in found}
    children: dict[str, list[TraceSpan]] = {}
    for span in found:
        children.setdefault(span.parent_id if span.parent_id in ids else "", []).append(span)
    rows: list[Row] = []
    _lay(children, "", 0, began, rows)
    costs = [span.attributes[names.COST_USD] for span in found if span.kind == "CLIENT" and _has_cost(span)]
    return Waterfall(
        trace_id=found[0].trace_id,
        request_ids=_values(found, names.REQUEST_ID),
        tenant=next(iter(_values(found, names.TENANT)), ""),
        milliseconds=(max(span.ended_ns for span in found) - began) / 1e6,
        rows=tuple(rows),
        cost_usd=sum(costs) if costs else None,
        links=tuple(dict.fromkeys(link for span in found for link in span.links if link != span.trace_id)),
        missing=tuple(missing_from(found)),
    )


def _lay(children: dict[str, list[TraceSpan]], parent: str, depth: int, began: int, rows: list[Row]) -> None:
    for span in children.get(parent, ()):
        rows.append(_row(span, depth, began, orphan=parent == "" and _is_orphan(span)))
        _lay(children, span.span_id, depth + 1, began, rows)


def _row(span: TraceSpan, depth: int, began: int, *, orphan: bool) -> Row:
    return Row(
        depth=depth,
        stage=span.service.removeprefix(_PREFIX),
        what=short(span.name),
        start=(span.started_ns - began) / 1e6,
        end=(span.ended_ns - began) / 1e6,
        waited=(span.started_ns - _queued_ns(span)) / 1e6,
        notes=notes_of(span.attributes),
        error=span.error,
        events=tuple(((each.at_ns - began) / 1e6, _said(each)) for each in span.events if each.name != names.EXCEPTION),
        orphan=orphan,
    )


def notes_of(attributes: Attributes) -> tuple[str, ...]:
    """What a span's attributes say, in a few words each."""
    said = (told(attributes[name]) for name, told in _TOLD if name in attributes)
    return tuple(note for note in said if note)


def _said(event: Happened) -> str:
    values = (f"{name.removeprefix('penstock.')}={value}" for name, value in event.attributes.items())
    return " ".join((event.name, *values))


def _queued_ns(span: TraceSpan) -> int:
    waited = span.attributes.get(names.QUEUE_WAIT_MS, 0.0)
    return span.started_ns - (round(waited * 1e6) if isinstance(waited, int | float) else 0)


def _is_orphan(span: TraceSpan) -> bool:
    """A first span of ours may hang below the caller's own."""
    return bool(span.parent_id) and span.kind != "SERVER"


def _has_cost(span: TraceSpan) -> bool:
    return isinstance(span.attributes.get(names.COST_USD), int | float)


def _values(spans: Sequence[TraceSpan], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(span.attributes[name]) for span in spans if span.attributes.get(name)))
