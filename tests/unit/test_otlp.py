"""Spans on the wire: the quick encoding says what the library's own one says, and the library's exporter sends it."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import requests
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind

from contracts.subjects import Lane
from infra.telemetry.otlp import encode
from infra.telemetry.otlp_http import SpanExporter
from infra.telemetry.tracing import AttributeValue, Finished, TraceContext, Tracer

PARENT = TraceContext(0x0AF7651916CD43DD8448EB211C80319C, 0x00AD6B7169203331, True)
ATTRIBUTES: dict[str, AttributeValue] = {
    "text": "some",
    "empty": "",
    "long": "drop after drop " * 2000,
    "umlaut": "Wässer",
    "word": Lane.BATCH,
    "yes": True,
    "no": False,
    "one": 1,
    "nought": 0,
    "below": -7,
    "large": (1 << 63) - 1,
    "smallest": -(1 << 63),
    "third": 1 / 3,
    "whole": 2.0,
    "reasons": ["stop", "length"],
    "nothing": [],
}


class Ended(SpanProcessor):
    """Keeps what ends."""

    def __init__(self) -> None:
        self.spans: list[Finished] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(cast(Finished, span))


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def start(ended: Ended) -> Callable[..., Any]:
    tracers = {name: Tracer(name, ended) for name in ("cache", "provider")}

    def begin(name: str = "process x", *, of: str = "cache", parent: TraceContext | None = PARENT, **more: Any) -> Any:
        kind, attributes = more.pop("kind", SpanKind.CONSUMER), more.pop("attributes", {"text": "some"})
        return tracers[of].start(name, kind, parent, attributes, **more)

    return begin


def read(body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(body)


def attributes_of(body: bytes) -> dict[str, Any]:
    (span,) = read(body).resource_spans[0].scope_spans[0].spans
    return {each.key: each.value for each in span.attributes}


@pytest.mark.parametrize("kind", SpanKind)
@pytest.mark.parametrize("parent", [None, PARENT])
def test_a_span_of_each_kind_reads_as_the_library_writes_it(ended, start, kind, parent):
    start("chat größer", kind=kind, parent=parent, attributes=ATTRIBUTES).end()
    assert read(encode(ended.spans)) == encode_spans([each.readable() for each in ended.spans])


def test_what_was_written_once_is_written_the_same_again(ended, start):
    for value in (1, True, 1.0, "1", "1", 1, True):
        start(attributes={"text": value, "1": "text"}).end()
    assert read(encode(ended.spans)) == encode_spans([each.readable() for each in ended.spans])


def test_a_name_may_be_of_two_kinds(ended, start):
    for kind in (SpanKind.CLIENT, SpanKind.SERVER):
        start("call", kind=kind).end()
    assert read(encode(ended.spans)) == encode_spans([each.readable() for each in ended.spans])


def test_events_links_and_failures_are_kept(ended, start):
    with_event = start()
    with_event.add_event("first token", {"milliseconds": 3.5})
    with_event.end()
    start(links=(PARENT,)).end()
    start().end("the provider broke off")
    start().end()
    assert read(encode(ended.spans)) == encode_spans([each.readable() for each in ended.spans])


def test_the_spans_of_each_service_stand_below_its_own_resource(ended, start):
    for service in ("cache", "provider", "cache"):
        start(of=service).end()
    assert read(encode(ended.spans)) == encode_spans([each.readable() for each in ended.spans])
    assert [len(each.scope_spans[0].spans) for each in read(encode(ended.spans)).resource_spans] == [2, 1]


def test_a_number_that_otlp_can_not_hold_is_told_in_words(ended, start):
    start(attributes={"tokens": 10**30}).end()
    assert attributes_of(encode(ended.spans))["tokens"].string_value == str(10**30)


def test_half_a_surrogate_pair_costs_no_batch(ended, start):
    start(attributes={"model": "a\ud800b"}).end()
    assert attributes_of(encode(ended.spans))["model"].string_value == "a?b"


class Collector(requests.Session):
    """Takes what is sent; answers with `status`."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status
        self.bodies: list[bytes] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        assert isinstance(request.body, bytes)
        self.bodies.append(request.body)
        response = requests.Response()
        response.status_code = self.status
        response._content = b""
        return response


def test_the_library_s_exporter_sends_a_batch(ended, start):
    collector = Collector(200)
    exporter = SpanExporter(endpoint="http://collector.invalid/v1/traces", session=collector)
    start(attributes=ATTRIBUTES).end()
    assert exporter.export(ended.spans) is SpanExportResult.SUCCESS
    assert [read(body) for body in collector.bodies] == [encode_spans([each.readable() for each in ended.spans])]
    exporter.shutdown()
    assert exporter.export(ended.spans) is SpanExportResult.FAILURE
    assert len(collector.bodies) == 1


def test_a_collector_that_refuses_is_no_success(ended, start):
    exporter = SpanExporter(endpoint="http://collector.invalid/v1/traces", session=Collector(400))
    start().end()
    assert exporter.export(ended.spans) is SpanExportResult.FAILURE
