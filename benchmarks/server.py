"""The cheapest HTTP/1.1 server that Python gives: a protocol on uvloop, parsed by httptools, one write an answer."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import cast

import httptools
import orjson
import uvloop

from benchmarks.payloads import response

Answer = Callable[[bytes, bytes], bytes]
"""A function of path and body that gives the whole response."""


class HttpServer(asyncio.Protocol):
    """One connection, kept alive for as long as the client likes. Headers are never looked at."""

    def __init__(self, answer: Answer, latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._transport.write(response(400, "text/plain", str(error).encode()))
            self._transport.close()

    def on_message_begin(self) -> None:
        self._path = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = self._answer(self._path, self._body)
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._write, answer, self._parser.should_keep_alive())
        else:
            self._write(answer, self._parser.should_keep_alive())

    def _write(self, answer: bytes, keep_alive: bool) -> None:
        self._transport.write(answer)
        if not keep_alive:
            self._transport.close()


def refusal(status: int, message: str) -> bytes:
    """An error response in OpenAI's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return response(status, "application/json", orjson.dumps({"error": error}))


def run(description: str, answer: Answer) -> None:
    """Serve until the process is ended. Prints the port, alone on a line, once it accepts connections."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what each answer waits before it is written")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            uvloop.run(_serve(answer, options.port, options.latency_ms / 1000))
        except OSError as error:
            sys.exit(f"port {options.port} can't be served: {error.strerror}")


async def _serve(answer: Answer, port: int, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpServer(answer, latency), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
