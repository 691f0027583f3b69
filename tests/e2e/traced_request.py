"""A chat request with a search, a retry and a failover, and what its trace must be, wherever it is read."""

import asyncio
from collections.abc import Sequence

from openai import OpenAI

from cli.trace.spans import TraceSpan, is_whole
from tests.e2e.documents import fill
from tests.e2e.running import Penstock

HOPS = (
    "inference.requested",
    "inference.ungrounded",
    "inference.validated",
    "inference.uncached",
    "inference.routed",
)
SERVICES = {f"penstock-{name}" for name in ("api", "validation", "retrieval", "cache", "routing", "provider", "ledger")}


def worst_day(penstock: Penstock, client: OpenAI, question: str) -> str:
    """Ask; the id of the request."""
    store = client.vector_stores.create(name=f"worst day {question}").id
    asyncio.run(fill(penstock.database, "default", store, {"a.md": "The gate is opened at ten."}))
    raw = client.chat.completions.with_raw_response.create(
        model="worst-day",
        messages=[{"role": "user", "content": f"When is the gate opened? {question}"}],
        extra_body={"tools": [{"type": "file_search", "vector_store_ids": [store]}]},
    )
    assert raw.headers["x-penstock-attempts"] == "3"
    return raw.headers["x-request-id"]


def assert_one_tree(spans: Sequence[TraceSpan]) -> None:
    """One root, no orphan, every hop below the one before, the calls side by side below the hop that made them."""
    assert is_whole(spans)
    (root,) = [span for span in spans if not span.parent_id]
    assert (root.kind, root.name) == ("SERVER", "POST /v1/chat/completions")
    assert {span.service for span in spans} == SERVICES
    above = root
    for hop in HOPS:
        sent = _one(spans, f"send penstock.v1.{hop}.", above)
        above = _one(spans, f"process penstock.v1.{hop}.", sent)
        assert above.attributes["penstock.queue_wait_ms"] >= 0
        assert sent.started_ns <= above.started_ns
    _assert_calls(spans, above)
    for event, taken in (("inference.completed", 1), ("usage.recorded", 3)):
        ends = [span for span in spans if span.name.startswith(f"process penstock.v1.{event}.")]
        assert len(ends) == taken
    searches = [span for span in spans if span.name == "retrieval.search"]
    assert [_parent(spans, span).service for span in searches] == ["penstock-retrieval"]


def _assert_calls(spans: Sequence[TraceSpan], hop: TraceSpan) -> None:
    calls = sorted((span for span in spans if span.kind == "CLIENT"), key=lambda span: span.started_ns)
    assert {span.parent_id for span in calls} == {hop.span_id}
    told = [(span.attributes["penstock.call.kind"], span.attributes["penstock.deployment"]) for span in calls]
    assert told == [("first", "flaky"), ("failover", "worse"), ("retry", "flaky")]
    assert [span.error for span in calls] == ["the provider outside answered with status 500"] * 2 + [None]
    assert [[event.name for event in span.events] for span in calls] == [["exception"], ["exception"], []]
    assert [event.name for event in hop.events] == ["call.repeated"] * 2


def _one(spans: Sequence[TraceSpan], name: str, parent: TraceSpan) -> TraceSpan:
    (found,) = [span for span in spans if span.name.startswith(name) and span.parent_id == parent.span_id]
    return found


def _parent(spans: Sequence[TraceSpan], span: TraceSpan) -> TraceSpan:
    (found,) = [each for each in spans if each.span_id == span.parent_id]
    return found
