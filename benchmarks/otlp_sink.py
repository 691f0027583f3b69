"""A trace collector that counts and forgets. `GET /stats` gives `{"bodies": n, "bytes": n, "spans": n}`."""

import gzip
from collections.abc import Iterator

import orjson

from benchmarks import server
from benchmarks.payloads import response

# ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans and ScopeSpans.spans, in opentelemetry-proto 1.x.
_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = 1, 2, 2


class Sink:
    """What is answered to which path; counts what came by `POST /v1/traces`."""

    def __init__(self) -> None:
        self.counts = {"bodies": 0, "bytes": 0, "spans": 0}

    def answer(self, path: bytes, body: bytes) -> bytes:
        """The whole response: an empty ExportTraceServiceResponse, or the counts."""
        if path == b"/stats":
            return response(200, "application/json", orjson.dumps(self.counts))
        if path == b"/v1/traces":
            self.counts["bodies"] += 1
            self.counts["bytes"] += len(body)
            self.counts["spans"] += count_spans(body)
        return response(200, "application/x-protobuf", b"")


def count_spans(body: bytes) -> int:
    """The spans in an ExportTraceServiceRequest, gzip or plain. Walks over lengths alone, so a span costs under 1 µs.

    Raises `ValueError` where the body is no protobuf.
    """
    if body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    count = 0
    for resource in _fields(body, 0, len(body), _RESOURCE_SPANS):
        for scope in _fields(body, *resource, _SCOPE_SPANS):
            count += sum(1 for _ in _fields(body, *scope, _SPANS))
    return count


def _fields(body: bytes, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Where the length-delimited fields of that number begin and end."""
    while start < end:
        key, start = _varint(body, start)
        kind = key & 7
        if kind == 2:
            length, start = _varint(body, start)
            if key >> 3 == number:
                yield start, start + length
            start += length
        elif kind == 0:
            _, start = _varint(body, start)
        elif kind in {1, 5}:
            start += 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind} is none of protobuf's that a trace uses")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(body):
            raise ValueError("the body ends inside a number")
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


if __name__ == "__main__":
    server.run("An OTLP/HTTP sink on loopback that counts spans.", Sink().answer)
