"""Spans in files: what is written is found by the bytes of its ids, and what is old goes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import SpanKind

from infra.telemetry.span_files import SpanFiles, drop_old, frames_with
from infra.telemetry.tracing import Finished, Tracer

MEGABYTE = 1024 * 1024
TRACER = Tracer("test", None)


def ended(name: str) -> tuple[ReadableSpan, bytes]:
    """A finished span and the bytes of its trace id."""
    span = TRACER.start(name, SpanKind.INTERNAL, None, {"penstock.request_id": name})
    finished = Finished(span, None, span.started_ns + 1000, TRACER.resource)
    return cast(ReadableSpan, finished), span.context.trace_id.to_bytes(16)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spans"


@pytest.fixture
def files(directory: Path) -> Iterator[SpanFiles]:
    files = SpanFiles(directory, age=3600, most_bytes=64 * MEGABYTE)
    yield files
    files.shutdown()


def names_with(directory: Path, wanted: bytes) -> list[list[str]]:
    """The names of the spans of each batch that is found."""
    found = [ExportTraceServiceRequest.FromString(frame) for frame in frames_with(directory, wanted)]
    return [[span.name for span in each.resource_spans[0].scope_spans[0].spans] for each in found]


def test_a_batch_is_found_by_a_trace_id_and_by_a_text(files: SpanFiles, directory: Path) -> None:
    (first, first_id), (second, second_id), (third, _) = ended("one"), ended("two"), ended("three")
    assert files.export([first, second]) is SpanExportResult.SUCCESS
    assert files.export([third]) is SpanExportResult.SUCCESS
    assert names_with(directory, first_id) == names_with(directory, second_id) == [["one", "two"]]
    assert names_with(directory, b"three") == [["three"]]
    assert names_with(directory, b"four") == []


def test_every_batch_of_a_trace_is_found_whichever_process_wrote_it(files: SpanFiles, directory: Path) -> None:
    span, trace_id = ended("one")
    other = SpanFiles(directory, age=3600, most_bytes=64 * MEGABYTE)
    for writer in (files, files, other):
        writer.export([span])
    other.shutdown()
    assert names_with(directory, trace_id) == [["one"]] * 3


def test_only_its_owner_may_read_it(files: SpanFiles, directory: Path) -> None:
    files.export([ended("one")[0]])
    assert [path.stat().st_mode & 0o777 for path in (directory, *directory.iterdir())] == [0o700, 0o600]


def test_what_its_writer_did_not_finish_is_left_out(files: SpanFiles, directory: Path) -> None:
    first, trace_id = ended("one")
    files.export([first])
    files.export([first])
    (path,) = directory.iterdir()
    os.truncate(path, path.stat().st_size - 3)
    assert names_with(directory, trace_id) == [["one"]]


def test_a_directory_that_is_not_there_has_nothing(directory: Path) -> None:
    assert list(frames_with(directory, b"one")) == []


def test_what_is_old_goes_and_then_the_oldest_of_what_is_too_much(directory: Path) -> None:
    directory.mkdir()
    for number in range(4):
        (directory / f"{number}-1.otlp").write_bytes(bytes(100))
    os.utime(directory / "3-1.otlp", (1, 1))
    drop_old(directory, before=time.time() - 60, most_bytes=350)
    assert sorted(path.name for path in directory.iterdir()) == ["1-1.otlp", "2-1.otlp"]


def test_a_place_that_can_not_be_written_costs_the_spans_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no directory")
    files = SpanFiles(tmp_path / "file", age=3600, most_bytes=64 * MEGABYTE)
    assert [files.export([ended("one")[0]]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
