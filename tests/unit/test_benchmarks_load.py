"""The load generator against servers that answer rightly, wrongly and not at all; the collector; CPU by process."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import orjson
import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks.load import Load, Plan
from benchmarks.otlp_sink import Sink, count_spans
from benchmarks.payloads import response
from benchmarks.server import HttpServer
from benchmarks.upstream import Upstream
from benchmarks.usage import assign, settle

Answer = Callable[[bytes, bytes], bytes]


def body_of(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Plan]:
    server = await asyncio.get_running_loop().create_server(lambda: HttpServer(answer, 0.0), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Plan(urlsplit(f"http://127.0.0.1:{port}/v1"), concurrency=4, seconds=30, requests=40)
    finally:
        server.close()
        await server.wait_closed()


class TestLoad:
    @pytest.mark.parametrize("stream", [False, True])
    async def test_every_request_is_answered_and_timed(self, stream: bool) -> None:
        upstream = Upstream()
        async with serving(upstream.answer) as plan:
            result = await Load(replace(plan, stream=stream)).run()
        assert (result.requests, result.errors, upstream.calls) == (40, {}, 40)
        assert result.latency is not None
        assert (result.first_token is not None) == stream

    async def test_it_stops_after_its_time(self) -> None:
        async with serving(Upstream().answer) as plan:
            result = await Load(replace(plan, seconds=0.2, requests=10**9)).run()
        assert 0.2 <= result.seconds < 2
        assert result.requests > 0

    async def test_one_wrong_answer_is_an_error(self) -> None:
        upstream, stale = Upstream(), Upstream().answer(b"/v1/chat/completions", b'{"model": "bench"}')

        def answer(path: bytes, body: bytes) -> bytes:
            fresh = upstream.answer(path, body)
            return stale if upstream.calls == 7 else fresh

        async with serving(answer) as plan:
            result = await Load(plan).run()
        assert result.requests == 39
        assert [count for reason, count in result.errors.items() if "another request" in reason] == [1]

    async def test_a_status_other_than_200_is_an_error_with_its_body(self) -> None:
        async with serving(lambda *_: response(503, "text/plain", b"full")) as plan:
            result = await Load(plan).run()
        assert (result.requests, result.errors) == (0, {"status 503: full": 40})

    async def test_an_answer_that_never_ends_is_an_error(self) -> None:
        half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"
        async with serving(lambda *_: half) as plan:
            result = await Load(replace(plan, timeout=0.1)).run()
        assert result.errors == {"no whole answer within 0.1 s": 4}

    async def test_a_connection_that_is_lost_before_its_answer_is_an_error(self) -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            url = urlsplit(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
            result = await Load(Plan(url, concurrency=4, seconds=30)).run()
        assert sum(result.errors.values()) == 4
        assert all("lost before the answer was whole" in reason for reason in result.errors)

    async def test_what_is_no_http_is_an_error(self) -> None:
        async with serving(lambda *_: b"SSH-2.0\r\n\r\n") as plan:
            result = await Load(plan).run()
        assert sum(result.errors.values()) == 4
        assert all("no HTTP/1.1" in reason for reason in result.errors)

    async def test_a_server_that_closes_after_each_answer_is_connected_to_again(self) -> None:
        upstream = Upstream()

        def answer(path: bytes, body: bytes) -> bytes:
            return upstream.answer(path, body).replace(b"\r\n", b"\r\nconnection: close\r\n", 1)

        async with serving(answer) as plan:
            result = await Load(plan).run()
        assert (result.requests, result.errors) == (40, {})


class TestSink:
    def exported(self, count: int) -> bytes:
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        for number in range(count):
            tracer = provider.get_tracer(f"scope-{number % 3}")
            with tracer.start_as_current_span("hop", attributes={"text": "x" * 300, "number": number, "share": 0.5}):
                pass
        return bytes(encode_spans(exporter.get_finished_spans()).SerializeToString())

    def test_it_counts_the_spans_of_every_scope_plain_or_compressed(self) -> None:
        body = self.exported(200)
        assert count_spans(body) == count_spans(gzip.compress(body)) == 200
        assert count_spans(b"") == 0

    @pytest.mark.parametrize("body", [b"\x0a", b"\x0a\xff", b"\x0f", b"\x1f\x8bno"])
    def test_a_body_that_is_no_protobuf_is_an_error(self, body: bytes) -> None:
        with pytest.raises((ValueError, OSError, EOFError)):
            count_spans(body)

    def test_bodies_bytes_and_spans_are_given_back(self) -> None:
        sink, body = Sink(), self.exported(2)
        assert sink.answer(b"/v1/traces", body).startswith(b"HTTP/1.1 200 ")
        sink.answer(b"/v1/metrics", body)
        assert orjson.loads(body_of(sink.answer(b"/stats", b""))) == {"bodies": 1, "bytes": len(body), "spans": 2}


class TestUsage:
    def test_each_process_goes_to_the_nearest_named_one_above_it(self) -> None:
        parents = {1: 0, 10: 1, 11: 10, 12: 10, 13: 12, 14: 13, 99: 1}
        assert assign(parents, {"up": 10, "postgres": 12}) == {"up": {10, 11}, "postgres": {12, 13, 14}}

    def test_a_process_that_is_gone_has_nothing(self) -> None:
        assert assign({1: 0}, {"nats": 77}) == {"nats": set()}

    def test_settling_waits_until_little_cpu_is_used(self) -> None:
        used = iter([0.0, 1.0, 2.0, 2.0, 9.0])
        settle(lambda: next(used), within=5, step=0.001)
        assert list(used) == [9.0]

    def test_settling_gives_up_in_time(self) -> None:
        used = iter(range(10_000))
        settle(lambda: float(next(used)), within=0.02, step=0.001)
        assert next(used) < 10_000
