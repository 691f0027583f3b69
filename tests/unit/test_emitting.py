"""Storing what a handler returned: one span a message, however long a full queue has it wait."""

from collections.abc import Mapping
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanKind

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.broker import Publisher, Stored
from infra.dispatch.emit import Emitter, Sends
from infra.dispatch.job import Job, Position
from infra.dispatch.outcome import Publication
from infra.telemetry import names
from infra.telemetry.tracing import Finished, Tracer

FULL = PenstockError(ErrorCode.OVERLOADED, "the queue is full", stage="test", retryable=True)
AWAY = PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "the broker is away", stage="test", retryable=True)
COMPLETED = Publication("inference.completed", "completed.here", "completed", b"{}")
USAGE = Publication("usage.recorded", "usage.here", "usage", b"{}")


class Ended(SpanProcessor):
    """The spans that have ended."""

    def __init__(self) -> None:
        self.spans: list[Finished] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(cast(Finished, span))


class Broker:
    """Stores what is published, but raises what is planned for a subject first, one after the other."""

    def __init__(self, **planned: list[PenstockError]) -> None:
        self.planned = planned
        self.taken: list[tuple[str, str]] = []

    async def publish(self, subject: str, _: bytes, headers: Mapping[str, str], **__: object) -> Stored:
        if errors := self.planned.get(subject.partition(".")[0]):
            raise errors.pop(0)
        self.taken.append((subject, headers[envelope.TRACEPARENT]))
        return Stored.NEW


class Rig:
    """An emitter, what it stored, and the spans of it."""

    def __init__(self, **planned: list[PenstockError]) -> None:
        self.ended, self.broker = Ended(), Broker(**planned)
        tracer = Tracer("test", self.ended)
        self.emitter = Emitter(cast(Publisher, self.broker), tracer)
        span = tracer.start("process", SpanKind.CONSUMER, None, {})
        self.job = Job("s", Lane.INTERACTIVE, "acme", "r1", {}, b"", None, Position("S", "c", 1, 1, 0.0), span)

    async def until_stored(self, sends: Sends, *publications: Publication) -> list[Stored]:
        while True:
            try:
                return await self.emitter.emit_all(self.job, publications, sends)
            except PenstockError as error:
                if error is not FULL:
                    raise

    @property
    def spans(self) -> list[tuple[str, Any, str | None]]:
        """Of each that has ended: the event that was sent, how often it was refused, its error."""
        told = [(each.span.name, each.span.attributes.get(names.REFUSALS), each.error) for each in self.ended.spans]
        return [(name.split(".")[2] if "." in name else name, refusals, error) for name, refusals, error in told]


async def test_a_message_that_a_full_queue_refuses_often_has_one_span():
    rig = Rig(completed=[FULL] * 50)
    with Sends() as sends:
        assert await rig.until_stored(sends, COMPLETED) == [Stored.NEW]
    assert rig.spans == [("inference", 50, None)]
    (ended,) = rig.ended.spans
    assert [event.name for event in ended.span.events] == [names.SEND_REFUSED]
    assert rig.broker.taken == [("completed.here", ended.span.context.traceparent())], "the next hop hangs below it"


async def test_what_is_stored_is_not_sent_again_while_another_message_waits():
    rig = Rig(usage=[FULL] * 3)
    with Sends() as sends:
        assert await rig.until_stored(sends, COMPLETED, USAGE) == [Stored.NEW, Stored.NEW]
    assert [subject for subject, _ in rig.broker.taken] == ["completed.here", "usage.here"]
    assert rig.spans == [("inference", None, None), ("usage", 3, None)]


async def test_a_message_that_is_given_up_has_a_span_that_says_so():
    rig = Rig(completed=[FULL, FULL])
    with pytest.raises(PenstockError), Sends() as sends:
        for _ in range(2):
            with pytest.raises(PenstockError):
                await rig.emitter.emit_all(rig.job, [COMPLETED], sends)
        assert rig.spans == []
        raise FULL
    assert rig.spans == [("inference", 2, "the queue ahead was full at each of 2 tries")]


@pytest.mark.parametrize("error", [FULL, AWAY])
async def test_a_message_that_nobody_will_send_again_ends_its_span_at_once(error: PenstockError):
    rig = Rig(completed=[error])
    with pytest.raises(PenstockError):
        await rig.emitter.emit_all(rig.job, [COMPLETED, USAGE])
    assert rig.spans == [("inference", None, error.message), ("usage", None, None)]


async def test_a_broker_that_goes_away_meanwhile_ends_the_span_once():
    rig = Rig(completed=[FULL, AWAY])
    with pytest.raises(PenstockError), Sends() as sends:
        await rig.until_stored(sends, COMPLETED)
    assert rig.spans == [("inference", 1, "the broker is away")]
