"""Every worker: one hop of one trace, its parent the span that sent the message."""

from collections.abc import Iterator

import pytest

from contracts import envelope
from contracts.registry import template_of
from infra.telemetry import names
from infra.telemetry.tracing import TraceContext, parse_traceparent
from tests.integration.conformance.cases import BY_NAME
from tests.integration.conformance.rig import Rig
from tests.support.spans import CollectedSpan, SpanCollector

SENDER = TraceContext(trace_id=0x0AF7651916CD43DD8448EB211C80319C, span_id=0xB7AD6B7169203331, sampled=True)
STATE = "vendor=1"


@pytest.fixture(autouse=True)
def collected(span_collector: SpanCollector) -> Iterator[None]:
    """Workers start after the collector."""
    yield


async def handled(rig: Rig, traceparent: str | None = SENDER.traceparent()) -> str:
    headers = {envelope.TRACEPARENT: traceparent, envelope.TRACESTATE: STATE} if traceparent else {}
    async with rig.running():
        request_id = await rig.give(headers=headers)
        await rig.exactly_once(request_id)
    return request_id


async def process_span(rig: Rig, collector: SpanCollector, request_id: str) -> CollectedSpan:
    return await collector.one(f"process {rig.case.template}", penstock__request_id=request_id)


async def test_the_process_span_hangs_below_the_senders(rig: Rig, span_collector: SpanCollector) -> None:
    span = await process_span(rig, span_collector, await handled(rig))
    assert span.trace_id == f"{SENDER.trace_id:032x}"
    assert span.parent == f"{SENDER.span_id:016x}"
    assert (span.kind, span.service, span.failed) == ("CONSUMER", f"penstock-{rig.case.worker}", False)


async def test_the_process_span_says_what_was_processed(rig: Rig, span_collector: SpanCollector) -> None:
    request_id = await handled(rig)
    said = (await process_span(rig, span_collector, request_id)).attributes
    known = {
        names.MESSAGING_SYSTEM: "nats",
        names.MESSAGING_OPERATION: "process",
        names.MESSAGING_DESTINATION: rig.given[request_id].subject,
        names.MESSAGING_TEMPLATE: rig.case.template,
        names.MESSAGING_GROUP: rig.case.durable_of(),
        names.NATS_STREAM: rig.case.stream(),
        names.NATS_SEQUENCE: 1,
        names.DELIVERY_COUNT: 1,
        names.STAGE: rig.case.stage,
    }
    assert said.items() >= known.items()
    assert said[names.QUEUE_WAIT_MS] >= 0
    assert said[names.OUTCOME] in ("forwarded", "completed", "stored", "recorded", "indexed")


async def test_each_output_carries_the_span_that_sent_it(rig: Rig, span_collector: SpanCollector) -> None:
    request_id = await handled(rig)
    process = await process_span(rig, span_collector, request_id)
    for message in await rig.output_messages(request_id):
        carried = parse_traceparent(message.headers[envelope.TRACEPARENT])
        assert carried is not None
        assert (f"{carried.trace_id:032x}", carried.sampled) == (process.trace_id, True)
        assert message.headers[envelope.TRACESTATE] == STATE
        sender = await sending_span(rig, span_collector, message.subject) if rig.case.sends else process
        assert f"{carried.span_id:016x}" == sender.span_id


async def sending_span(rig: Rig, collector: SpanCollector, subject: str) -> CollectedSpan:
    event = ".".join(subject.split(".")[2:4])
    span = await collector.one(f"send {template_of(event)}", messaging__destination__name=subject)
    process = (await collector.one(f"process {rig.case.template}")).span_id
    assert (span.parent, span.kind, span.failed) == (process, "PRODUCER", False)
    return span


async def test_the_output_names_its_event_and_its_request(rig: Rig) -> None:
    request_id = await handled(rig)
    for message in await rig.output_messages(request_id):
        event = ".".join(message.subject.split(".")[2:4])
        known = {
            envelope.SPEC: "1.0",
            envelope.TYPE: f"penstock.{event}.v1",
            envelope.SOURCE: f"penstock/{rig.case.worker}",
            envelope.ID: message.headers[envelope.MSG_ID],
            envelope.REQUEST_ID: request_id,
            envelope.TENANT: "acme",
        }
        assert message.headers.items() >= known.items()


async def test_a_message_without_a_trace_begins_one(rig: Rig, span_collector: SpanCollector) -> None:
    span = await process_span(rig, span_collector, await handled(rig, traceparent=None))
    assert span.parent == ""
    for message in await rig.output_messages(span.attributes[names.REQUEST_ID]):
        assert span.trace_id in message.headers[envelope.TRACEPARENT]


@pytest.mark.parametrize("case", [BY_NAME["validation"]], ids=lambda case: case.name)
async def test_a_malformed_traceparent_begins_a_trace_and_stops_nothing(
    rig: Rig, span_collector: SpanCollector
) -> None:
    span = await process_span(rig, span_collector, await handled(rig, traceparent="00-zz-zz-01"))
    assert span.parent == ""


@pytest.mark.parametrize("case", [BY_NAME["validation"], BY_NAME["cache-fill"]], ids=lambda case: case.name)
async def test_an_unsampled_trace_is_carried_on_and_not_recorded(rig: Rig, span_collector: SpanCollector) -> None:
    request_id = await handled(rig, traceparent=SENDER.traceparent()[:-2] + "00")
    for message in await rig.output_messages(request_id):
        carried = parse_traceparent(message.headers[envelope.TRACEPARENT])
        assert carried is not None
        assert (carried.trace_id, carried.sampled) == (SENDER.trace_id, False)
    assert not span_collector.spans
