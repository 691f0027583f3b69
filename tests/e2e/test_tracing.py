"""One trace a request: every hop, wait, call and cost, each span below the one that caused it."""

import asyncio
import json
import os
import uuid
from itertools import pairwise
from typing import Any

import openai
import pytest
from openai import OpenAI

from infra.telemetry import names
from tests.e2e.documents import fill
from tests.e2e.otlp_sink import OtlpSink, SeenSpan, Trace
from tests.e2e.running import Penstock, cost_of
from tests.e2e.waiting import until

ROOT = "penstock.v1.inference"
SERVER = "POST /v1/chat/completions"
REQUESTED, UNGROUNDED, VALIDATED, UNCACHED = (
    f"{ROOT}.{event}.{{lane}}.{{tenant}}" for event in ("requested", "ungrounded", "validated", "uncached")
)
ROUTED = f"{ROOT}.routed.{{lane}}.{{provider}}"
COMPLETED, FAILED = (f"{ROOT}.{event}.{{lane}}.{{tenant}}.{{request_id}}" for event in ("completed", "failed"))
USAGE = "penstock.v1.usage.recorded.{tenant}"

WAY_IN = [
    (SERVER, "SERVER", "penstock-api"),
    (f"send {REQUESTED}", "PRODUCER", "penstock-api"),
    (f"process {REQUESTED}", "CONSUMER", "penstock-validation"),
    (f"send {VALIDATED}", "PRODUCER", "penstock-validation"),
    (f"process {VALIDATED}", "CONSUMER", "penstock-cache"),
    (f"send {UNCACHED}", "PRODUCER", "penstock-cache"),
    (f"process {UNCACHED}", "CONSUMER", "penstock-routing"),
    (f"send {ROUTED}", "PRODUCER", "penstock-routing"),
    (f"process {ROUTED}", "CONSUMER", "penstock-provider"),
]
SEARCHED = [
    (f"send {UNGROUNDED}", "PRODUCER", "penstock-validation"),
    (f"process {UNGROUNDED}", "CONSUMER", "penstock-retrieval"),
]
CALL = ("chat sim-small", "CLIENT", "penstock-provider")
WAY_OUT = [
    [(f"send {COMPLETED}", "PRODUCER", "penstock-provider"), (f"process {COMPLETED}", "CONSUMER", "penstock-cache")],
    [(f"send {USAGE}", "PRODUCER", "penstock-provider"), (f"process {USAGE}", "CONSUMER", "penstock-ledger")],
]
STREAMS = {
    f"process {REQUESTED}": "INFERENCE_REQUESTED",
    f"process {VALIDATED}": "INFERENCE_VALIDATED",
    f"process {UNCACHED}": "INFERENCE_UNCACHED",
    f"process {ROUTED}": "INFERENCE_ROUTED",
    f"process {COMPLETED}": "RESULTS",
    f"process {USAGE}": "USAGE",
}


class Traced:
    """A request that was answered, and its whole trace."""

    def __init__(
        self,
        client: OpenAI,
        spans: OtlpSink,
        model: str,
        question: str,
        tools: list[dict[str, Any]] | None = None,
        **headers: str,
    ) -> None:
        self.raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": question}],
            extra_headers=headers,
            extra_body={"tools": tools} if tools else None,
        )
        self.trace = spans.wait_for(trace_id_of(self.raw.headers["traceparent"]), Trace.is_whole)

    def assert_chain(self, *links: tuple[str, str, str]) -> list[SeenSpan]:
        """Each span is the next one's parent, and is of its kind and service."""
        found = [self.trace.one(name) for name, _, _ in links]
        assert [(span.name, span.kind, span.service) for span in found] == list(links)
        for above, below in pairwise(found):
            assert below.parent_id == above.span_id, f"«{below.name}» is not below «{above.name}»"
        return found


def trace_id_of(traceparent: str) -> str:
    return traceparent.split("-")[1]


def test_every_hop_is_below_the_one_before(client: OpenAI, spans: OtlpSink, question: str) -> None:
    traced = Traced(client, spans, "sim-small", question)
    server, *_ = traced.assert_chain(*WAY_IN, CALL)
    assert server.parent_id == ""
    assert server.span_id == traced.raw.headers["traceparent"].split("-")[2]
    for way_out in WAY_OUT:
        traced.assert_chain(WAY_IN[-1], *way_out)
    assert len(traced.trace.spans) == len(WAY_IN) + 1 + 4, "no span but these"
    assert not [span.name for span in traced.trace.spans if span.error]


def test_a_hop_is_within_its_time(client: OpenAI, spans: OtlpSink, question: str) -> None:
    traced = Traced(client, spans, "sim-small@latency=50", question)
    (call,) = [span for span in traced.trace.spans if span.kind == "CLIENT"]
    server, provider = traced.trace.one(SERVER), traced.trace.one(f"process {ROUTED}")
    assert call.name == "chat sim-small@latency=50"
    assert call.ended_ns - call.started_ns >= 50_000_000
    assert server.started_ns <= provider.started_ns <= call.started_ns < call.ended_ns <= provider.ended_ns
    assert call.ended_ns <= server.ended_ns


def test_the_server_span_says_who_asked_and_what_came_of_it(client: OpenAI, spans: OtlpSink, question: str) -> None:
    traced = Traced(client, spans, "sim-small", question)
    said = traced.trace.one(SERVER).attributes
    assert said["http.request.method"] == "POST"
    assert said["http.route"] == "/v1/chat/completions"
    assert said["http.response.status_code"] == 200
    assert said["penstock.request_id"] == traced.raw.headers["x-request-id"]
    assert said["penstock.tenant"] == "default"


def test_a_process_span_says_where_the_message_was_and_how_long(client: OpenAI, spans: OtlpSink, question: str) -> None:
    traced = Traced(client, spans, "sim-small", question)
    for name, stream in STREAMS.items():
        said = traced.trace.one(name).attributes
        assert said["messaging.system"] == "nats"
        assert said["messaging.operation.type"] == "process"
        assert said["messaging.destination.template"] == name.removeprefix("process ")
        assert said["messaging.destination.name"].startswith("penstock.v1.")
        assert said["messaging.nats.stream"] == stream
        assert said["messaging.nats.stream.sequence"] > 0
        assert said["penstock.delivery_count"] == 1
        assert 0 <= said["penstock.queue_wait_ms"] < 1000
        assert said["penstock.tenant"] == "default"
        assert said["penstock.request_id"] == traced.raw.headers["x-request-id"]
        assert said["penstock.outcome"]


def test_the_stages_say_what_they_decided(client: OpenAI, spans: OtlpSink, question: str) -> None:
    traced = Traced(client, spans, "sim-small", question)
    assert traced.trace.one(f"process {VALIDATED}").attributes["penstock.cache"] == "miss"
    routing = traced.trace.one(f"process {UNCACHED}").attributes
    assert (routing["penstock.route"], routing["penstock.deployment"]) == ("alias", "simulator/sim-small")
    provider = traced.trace.one(f"process {ROUTED}").attributes
    assert provider["penstock.attempts"] == 1
    assert provider["penstock.cost_usd"] == pytest.approx(float(cost_of(traced.raw.headers["x-penstock-cost-usd"])))


def test_the_call_says_what_it_used(client: OpenAI, spans: OtlpSink, question: str) -> None:
    traced = Traced(client, spans, "sim-small", question)
    usage = traced.raw.parse().usage
    assert usage is not None
    said = traced.trace.one(CALL[0]).attributes
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "simulator"
    assert said["gen_ai.request.model"] == "sim-small"
    assert said["gen_ai.response.model"] == "sim-small"
    assert said["gen_ai.response.finish_reasons"] == ["stop"]
    assert said["gen_ai.usage.input_tokens"] == usage.prompt_tokens
    assert said["gen_ai.usage.output_tokens"] == usage.completion_tokens
    assert said["penstock.usage.estimated"] is False


def test_the_search_for_documents_is_a_hop_of_the_same_trace(
    penstock: Penstock, client: OpenAI, spans: OtlpSink, question: str
) -> None:
    stores = [client.vector_stores.create(name=f"traced {number}").id for number in range(2)]
    asyncio.run(fill(penstock.database, "default", stores[0], {"a.md": "A gate is open.", "b.md": "A gate is shut."}))
    tools = [{"type": "file_search", "vector_store_ids": stores}]
    traced = Traced(client, spans, "sim-small", f"Which gate? {question}", tools)
    way_in = [*WAY_IN[:3], *SEARCHED, *WAY_IN[3:]]
    way_in[5] = (f"send {VALIDATED}", "PRODUCER", "penstock-retrieval")
    _, _, _, _, grounding, *_ = traced.assert_chain(*way_in, CALL)
    said = grounding.attributes
    assert (said["penstock.grounding.stores"], said["penstock.retrieval.hits"]) == (2, 2)
    assert said["penstock.grounding.tokens"] == 10
    searches = traced.trace.named(names.SEARCH_SPAN)
    assert [span.parent_id for span in searches] == [grounding.span_id]
    assert not spans.mentions("A gate is shut.")


def test_a_cache_hit_ends_at_the_cache(client: OpenAI, spans: OtlpSink, question: str) -> None:
    def hit() -> Traced | None:
        traced = Traced(client, spans, "sim-small", question)
        return traced if traced.raw.headers["x-penstock-cache"] == "hit" else None

    traced = until(hit, "a cache hit")
    traced.assert_chain(*WAY_IN[:5], (f"send {COMPLETED}", "PRODUCER", "penstock-cache"))
    assert traced.trace.one(f"process {VALIDATED}").attributes["penstock.cache"] == "hit"
    assert not [span for span in traced.trace.spans if span.kind == "CLIENT"]


def test_the_callers_own_trace_goes_on(client: OpenAI, spans: OtlpSink, question: str) -> None:
    trace_id, span_id = uuid.uuid4().hex, os.urandom(8).hex()
    traced = Traced(client, spans, "sim-small", question, traceparent=f"00-{trace_id}-{span_id}-01")
    assert trace_id_of(traced.raw.headers["traceparent"]) == trace_id
    server, *_ = traced.assert_chain(*WAY_IN, CALL)
    assert server.parent_id == span_id


@pytest.mark.parametrize("traceparent", ["nonsense", f"00-{'0' * 32}-{'1' * 16}-01", f"ff-{'1' * 32}-{'1' * 16}-01"])
def test_a_traceparent_that_is_none_begins_a_new_trace(
    client: OpenAI, spans: OtlpSink, question: str, traceparent: str
) -> None:
    traced = Traced(client, spans, "sim-small", question, traceparent=traceparent)
    assert traced.trace.one(SERVER).parent_id == ""


def test_a_second_try_shows_both_calls_and_what_the_first_one_met(
    client: OpenAI, spans: OtlpSink, question: str
) -> None:
    traced = Traced(client, spans, "sim-flaky", question)
    first, second = traced.trace.named("chat sim-flaky")
    provider = traced.trace.one(f"process {ROUTED}")
    assert first.parent_id == second.parent_id == provider.span_id
    assert (first.attributes["penstock.attempt"], second.attributes["penstock.attempt"]) == (1, 2)
    assert first.attributes["error.type"] == "provider_error"
    assert first.error == "the provider simulator answered with status 500"
    assert second.error is None
    assert first.ended_ns <= second.started_ns
    assert provider.attributes["penstock.attempts"] == 2


def test_a_failure_says_where_it_happened(client: OpenAI, spans: OtlpSink, question: str) -> None:
    model = "sim-error-401@tokens=63"
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])
    trace_id = trace_id_of(raised.value.response.headers["traceparent"])
    trace = spans.wait_for(trace_id, Trace.is_whole)
    assert trace.one(f"chat {model}").error == "the provider simulator refused our credentials"
    assert trace.one(SERVER).attributes["http.response.status_code"] == 502
    assert trace.one(SERVER).attributes["error.type"] == "provider_error"
    assert trace.one(f"send {FAILED}").parent_id == trace.one(f"process {ROUTED}").span_id


async def test_a_producers_trace_goes_on_as_well(penstock: Penstock, spans: OtlpSink, question: str) -> None:
    trace_id, span_id, request_id = uuid.uuid4().hex, os.urandom(8).hex(), uuid.uuid4().hex
    request = {"model": "sim-small", "messages": [{"role": "user", "content": question}]}
    producer = await penstock.connect()
    await producer.jetstream().publish(
        "penstock.v1.inference.requested.batch.acme",
        json.dumps({"request_id": request_id, "request": request}).encode(),
        headers={"traceparent": f"00-{trace_id}-{span_id}-01"},
    )
    await producer.close()
    trace = spans.wait_for(trace_id, lambda trace: trace.has(f"process {COMPLETED}", f"process {USAGE}"))
    assert trace.one(f"process {REQUESTED}").parent_id == span_id
    assert {
        span.attributes.get("penstock.lane") for span in trace.spans if span.name.startswith("process penstock.v1.i")
    } == {"batch"}


def test_no_prompt_and_no_answer_is_in_a_span_or_a_log(penstock: Penstock, client: OpenAI, spans: OtlpSink) -> None:
    secret = f"Xyzzy{uuid.uuid4().hex}"
    for model in ("sim-small", "sim-claude-small", "sim-error-400", "sim-error-500", "sim-cut-stream", "gpt-of-nobody"):
        for stream in (False, True):
            _ask_anyhow(client, model, f"{secret} {uuid.uuid4().hex}", stream=stream)
    traced = Traced(client, spans, "sim-small", f"{secret} at last")
    answer = traced.raw.parse().choices[0].message.content or ""
    assert secret in answer
    for text in (secret, answer[-40:]):
        assert not spans.mentions(text)
        for log in penstock.logs.iterdir():
            assert text not in log.read_text(), f"{log.name} has a prompt or an answer in it"


def _ask_anyhow(client: OpenAI, model: str, text: str, *, stream: bool) -> None:
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
    try:
        answer = client.chat.completions.create(**asked, extra_headers={"x-penstock-timeout": "3"})
        for _ in answer if stream else ():
            pass
    except openai.APIError as error:
        assert text not in error.message
