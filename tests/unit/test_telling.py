"""What spans say of decisions: events with their moment, errors that are errors, and baggage."""

import time
from typing import cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from contracts.errors import ErrorCode, PenstockError
from infra.catalog import Deployment
from infra.dispatch.spans import told_of
from infra.telemetry.baggage import baggage_of
from infra.telemetry.tracing import Finished, Span, Tracer
from workers.provider.breaker import Opening, Reason
from workers.provider.breaker_watch import BreakerChange
from workers.provider.health import Block, Obstacle
from workers.provider.plan import Option
from workers.provider.telling import tell_blocks, tell_change, tell_repeat

OPTION = Option(Deployment(name="a/small", provider="a", model="small"), "small")
OF_IT = {"penstock.deployment": "a/small", "gen_ai.request.model": "small"}


class Exported(SpanProcessor):
    """Keeps what would be exported."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(cast(Finished, span).readable())


@pytest.fixture
def exported() -> Exported:
    return Exported()


@pytest.fixture
def span(exported: Exported) -> Span:
    return Tracer("provider", exported).start("process", SpanKind.CONSUMER, None, {})


def test_a_deployment_that_is_passed_over_is_an_event_with_its_reason(span: Span) -> None:
    tell_blocks(span, [Block(OPTION, Obstacle.OPEN, 103.5), Block(OPTION, Obstacle.BUSY)], 100.0)
    opened, busy = span.events
    assert (opened.name, busy.name) == ("deployment.skipped", "deployment.skipped")
    assert opened.attributes == {**OF_IT, "penstock.obstacle": "its breaker is open", "penstock.open_ms": 3500}
    assert busy.attributes == {**OF_IT, "penstock.obstacle": "all its slots are taken"}


def test_a_breaker_that_a_call_opens_or_closes_is_an_event(span: Span) -> None:
    tell_change(span, OPTION, None)
    tell_change(span, OPTION, BreakerChange(Opening(Reason.FAILURES, 105.0, 1), 5.0))
    tell_change(span, OPTION, BreakerChange(None))
    opened, closed = span.events
    assert opened.name == "breaker.opened"
    assert opened.attributes == {**OF_IT, "penstock.reason": "failures", "penstock.open_ms": 5000}
    assert (closed.name, closed.attributes) == ("breaker.closed", OF_IT)


def test_an_event_has_the_moment_at_which_it_was_told(span: Span) -> None:
    before = time.time_ns()
    tell_repeat(span, 1, 0.25, "provider_error")
    (event,) = span.events
    assert before <= event.timestamp <= time.time_ns()
    assert event.attributes == {"penstock.attempt": 1, "penstock.pause_ms": 250.0, "error.type": "provider_error"}


def test_a_failed_span_has_an_exception_event_with_code_and_sentence(span: Span, exported: Exported) -> None:
    error = PenstockError(ErrorCode.PROVIDER_ERROR, "the provider broke off", stage="provider")
    span.end(told_of(span, error))
    (ended,) = exported.spans
    assert (ended.status.status_code, ended.status.description) == (StatusCode.ERROR, "the provider broke off")
    (event,) = ended.events
    assert event.name == "exception"
    assert event.attributes == {"exception.type": "provider_error", "exception.message": "the provider broke off"}


@pytest.mark.parametrize("code", [ErrorCode.CANCELLED, ErrorCode.RATE_LIMITED])
def test_a_caller_who_left_or_had_no_room_is_no_failure(span: Span, exported: Exported, code: ErrorCode) -> None:
    span.end(told_of(span, PenstockError(code, "a sentence", stage="provider")))
    (ended,) = exported.spans
    assert (ended.status.status_code, ended.attributes) == (StatusCode.UNSET, {"error.type": code})


def test_baggage_says_tenant_and_tags_as_w3c_writes_them() -> None:
    assert baggage_of("acme", None) == "penstock.tenant=acme"
    tags = '{"feature":"faq, and more","team":"a/b"}'
    assert baggage_of("acme", tags) == (
        "penstock.tenant=acme,penstock.tag.feature=faq%2C%20and%20more,penstock.tag.team=a/b"
    )
