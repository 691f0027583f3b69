"""`penstock trace`: from spans to a waterfall, and what is read from Jaeger."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cli.trace.command import trace_id_of
from cli.trace.jaeger import spans_of
from cli.trace.layout import duration
from cli.trace.shown import bar, show
from cli.trace.spans import Happened, TraceSpan, is_whole, missing_from
from cli.trace.waterfall import Row, Waterfall, waterfall_of

TRACE, BEGAN, MS = "0af7651916cd43dd8448eb211c80319c", 1_700_000_000 * 10**9, 10**6
REQUESTED = "penstock.v1.inference.requested.{lane}.{tenant}"


def span(
    name: str,
    parent: TraceSpan | None = None,
    at: tuple[float, float] = (0, 10),
    kind: str = "INTERNAL",
    **more: Any,
) -> TraceSpan:
    """A span of that name; its id is made of it. Times in milliseconds from the beginning."""
    return TraceSpan(
        trace_id=TRACE,
        span_id=f"id of {name}{more.pop('id', '')}",
        parent_id=parent.span_id if parent else "",
        name=name,
        kind=kind,
        service=more.pop("service", "penstock-api"),
        started_ns=BEGAN + round(at[0] * MS),
        ended_ns=BEGAN + round(at[1] * MS),
        attributes=more.pop("attributes", {}),
        **more,
    )


ROOT = span("POST /v1/chat/completions", at=(0, 100), kind="SERVER", attributes={"penstock.request_id": "r1"})
SENT = span(f"send {REQUESTED}", ROOT, (1, 2), "PRODUCER")
TAKEN = span(
    f"process {REQUESTED}",
    SENT,
    (50, 90),
    "CONSUMER",
    service="penstock-validation",
    attributes={"penstock.queue_wait_ms": 48.0, "penstock.tenant": "acme", "penstock.outcome": "forwarded"},
)
WHOLE = [TAKEN, ROOT, SENT]


def test_each_span_stands_under_its_parent_in_the_order_of_time() -> None:
    second = span("retrieval.search", TAKEN, (70, 80))
    first = span("retrieval.embed", TAKEN, (60, 65))
    rows = waterfall_of([second, *WHOLE, first]).rows
    assert [(row.depth, row.what) for row in rows] == [
        (0, "POST /v1/chat/completions"),
        (1, "send inference.requested"),
        (2, "process inference.requested"),
        (3, "retrieval.embed"),
        (3, "retrieval.search"),
    ]


def test_the_wait_in_the_queue_is_before_the_span_and_not_in_it() -> None:
    row = waterfall_of(WHOLE).rows[-1]
    assert (row.waited, row.start, row.end) == (48.0, 50.0, 90.0)
    assert bar(row, 100.0, 50).plain == " " * 1 + "░" * 24 + "█" * 20 + " " * 5


def test_what_is_too_short_to_see_is_seen() -> None:
    row = Row(0, "api", "send", 50.1, 50.2, 0.0, (), None, (), orphan=False)
    assert bar(row, 100.0, 20).plain == " " * 10 + "▏" + " " * 9


def test_it_says_whose_request_it_is_and_what_it_cost() -> None:
    calls = [
        span("chat m", TAKEN, (60, 70), "CLIENT", id=number, attributes={"penstock.cost_usd": 0.25}) for number in "12"
    ]
    found = waterfall_of([*WHOLE, *calls, calls[0]])
    assert (found.request_ids, found.tenant, found.milliseconds, found.cost_usd) == (("r1",), "acme", 100.0, 0.5)
    assert len(found.rows) == 5, "a span that was exported twice is one"


def test_events_have_their_moment_and_the_exception_is_the_error() -> None:
    events = [Happened("breaker.opened", BEGAN + 60 * MS, {"penstock.deployment": "a"}), Happened("exception", BEGAN)]
    row = waterfall_of([*WHOLE[1:], replace(TAKEN, events=events, error="it broke")]).rows[-1]
    assert (row.events, row.error) == (((60.0, "breaker.opened deployment=a"),), "it broke")


def test_a_whole_trace_misses_nothing() -> None:
    assert is_whole(WHOLE)
    failed = span("send penstock.v1.inference.failed.{lane}.{tenant}.{request_id}", TAKEN, kind="PRODUCER")
    assert is_whole([*WHOLE, failed]), "what is only read is taken by nobody"
    assert is_whole([replace(ROOT, parent_id="the caller's"), SENT, TAKEN]), "the caller's span is the caller's"


@pytest.mark.parametrize(
    ("spans", "sentence"),
    [
        ([ROOT, SENT], "nobody has taken «send inference.requested» yet"),
        ([ROOT, TAKEN], "what «process inference.requested» hangs below is not there"),
    ],
)
def test_what_is_missing_is_told(spans: list[TraceSpan], sentence: str) -> None:
    assert not is_whole(spans)
    assert list(missing_from(spans)) == [sentence]
    assert f"not whole: {sentence}" in printed(spans)


def test_the_terminal_shows_error_wait_and_links() -> None:
    text = printed([ROOT, SENT, replace(TAKEN, error="the provider broke off", links=["b" * 32])])
    assert "waited 48.0 ms" in text
    assert "the provider broke off" in text
    assert f"linked to trace {'b' * 32}" in text


DEEP = [ROOT, SENT, TAKEN]
for level in range(14):
    DEEP.append(span("retrieval.search", DEEP[-1], (60, 80), id=level, attributes={"penstock.retrieval.hits": level}))
DEEP[-1] = replace(
    DEEP[-1], error="the provider outside answered with status 500", events=[Happened("call.repeated", BEGAN)]
)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_deep_trace_fits_the_terminal_and_breaks_no_word(width: int) -> None:
    lines = printed(DEEP, width).splitlines()[1:]
    assert max(map(len, lines)) <= width
    words = {word for line in lines for word in line.split()}
    assert {"hits", "retrieval.search", "call.repeated", "provider", "outside", "answered", "500"} <= words
    assert len({line.index("retrieval.search") for line in lines if "retrieval.search" in line}) == 14, "by depth"


def test_a_narrow_terminal_has_notes_below_their_span_and_a_wide_one_beside_it() -> None:
    for width, below in ((80, 1), (120, 0)):
        lines = printed(WHOLE, width).splitlines()
        (at,) = [number for number, line in enumerate(lines) if "process inference.requested" in line]
        assert "waited 48.0 ms" in lines[at + below]


def test_traces_that_were_begun_in_its_name_are_told_the_first_of_them_by_their_ids() -> None:
    text = shown(replace(waterfall_of(WHOLE), within=tuple(f"{number:032x}" for number in range(25))))
    assert "25 traces were begun in its name:" in text
    assert f"{19:032x}" in text
    assert f"{20:032x}" not in text
    assert "and 5 more" in text


def test_what_every_hop_says_is_not_said() -> None:
    sent = replace(SENT, attributes={"penstock.outcome": "new"})
    assert "forwarded" not in printed([ROOT, sent, TAKEN])
    assert "new" not in printed([ROOT, sent, TAKEN])
    assert "known" in printed([ROOT, replace(sent, attributes={"penstock.outcome": "known"}), TAKEN])


@pytest.mark.parametrize(("took", "said"), [(0.04, "0.0 ms"), (9999.9, "9999.9 ms"), (121_000.7, "121.00 s")])
def test_a_duration_is_short(took: float, said: str) -> None:
    assert duration(took) == said


def printed(spans: list[TraceSpan], width: int = 200) -> str:
    return shown(waterfall_of(spans), width)


def shown(waterfall: Waterfall, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(console, waterfall)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [(TRACE, TRACE), (f"00-{TRACE}-b7ad6b7169203331-01", TRACE), ("a-request", None), (TRACE.upper(), None)],
)
def test_what_is_asked_for_may_be_a_whole_traceparent(wanted: str, found: str | None) -> None:
    assert trace_id_of(wanted) == found


def test_a_span_as_jaeger_tells_it() -> None:
    """The shape of Jaeger's own answer, as its release 2.13 gave it for a span of ours."""
    tags = {"span.kind": "client", "error": True, "otel.status_description": "it broke", "penstock.attempt": 2}
    told = {
        "traceID": TRACE,
        "spanID": "2",
        "operationName": "chat m",
        "references": [
            {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "1"},
            {"refType": "FOLLOWS_FROM", "traceID": "b" * 32, "spanID": "9"},
        ],
        "startTime": BEGAN // 1000,
        "duration": 1500,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "logs": [{"timestamp": BEGAN // 1000, "fields": [{"key": "event", "value": "e"}, {"key": "a", "value": 1}]}],
        "processID": "p1",
    }
    (span,) = spans_of({"spans": [told], "processes": {"p1": {"serviceName": "penstock-provider"}}})
    assert (span.parent_id, span.kind, span.service, span.error) == ("1", "CLIENT", "penstock-provider", "it broke")
    assert (span.started_ns, span.ended_ns) == (BEGAN, BEGAN + 1_500_000)
    assert span.events == [Happened("e", BEGAN, {"a": 1})]
    assert (span.links, span.attributes["penstock.attempt"]) == (["b" * 32], 2)
