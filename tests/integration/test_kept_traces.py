"""Two processes and a trace that the ratio leaves out: an error in one of them brings the spans of both."""

from pathlib import Path

from opentelemetry.trace import SpanKind

from cli.trace.otlp import trace_in
from cli.trace.spans import TraceSpan
from infra.broker import connect
from infra.telemetry.exporting import Tracing
from infra.telemetry.tracing import TraceContext
from tests.support.logs import RecordedLog
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually


async def test_an_error_in_one_process_brings_the_spans_of_all(
    pipeline: Pipeline, log: RecordedLog, tmp_path: Path
) -> None:
    settings = pipeline.settings.model_copy(update={"trace_ratio": 0.0, "trace_dir": tmp_path / "spans"})
    connections = [await connect(settings, name, log.logger) for name in ("api", "worker")]
    api, worker = (Tracing(settings, {"OTEL_BSP_SCHEDULE_DELAY": "50"}) for _ in connections)
    for tracing, connection in zip((api, worker), connections, strict=True):
        await tracing.open(connection.client)
        await connection.client.flush()

    def ended(
        tracing: Tracing, name: str, parent: TraceContext | None = None, error: str | None = None
    ) -> TraceContext:
        span = tracing.tracer(name).start(name, SpanKind.INTERNAL, parent, {})
        span.end(error)
        return span.context

    root, other = ended(api, "submitted"), ended(api, "of another request")
    hop = ended(worker, "processed", root)
    ended(worker, "called", hop, error="the provider broke off")

    def found() -> list[TraceSpan]:
        return trace_in(tmp_path / "spans", f"{root.trace_id:032x}")

    await eventually(lambda: len(found()) == 3)
    ended(api, "answered", root)
    await eventually(lambda: sorted(span.name for span in found()) == ["answered", "called", "processed", "submitted"])
    for tracing, connection in zip((api, worker), connections, strict=True):
        await tracing.close()
        await connection.close()
    assert trace_in(tmp_path / "spans", f"{other.trace_id:032x}") == []
