"""The load generator's connections: each sends its next request from the callback that finished the last one."""

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable
from time import perf_counter_ns
from typing import cast

import httptools

from benchmarks.answers import fault_of_json, fault_of_stream, has_token
from benchmarks.payloads import Request

Take = Callable[[], Request | None]
"""The next request, or None where there shall be no more."""


class Tally:
    """Every answer of a run: nanoseconds of the right ones, reasons of the wrong ones."""

    def __init__(self) -> None:
        self.latency = array("q")
        self.first_token = array("q")
        self.errors: Counter[str] = Counter()


class Connection(asyncio.Protocol):
    """One keep-alive connection in a closed loop. A wrong answer is counted and, if the connection lives, passed over.

    `ended` becomes true where the server closed after an answer (open another connection to go on), else false.
    """

    def __init__(self, take: Take, tally: Tally, *, stream: bool) -> None:
        self._take = take
        self._tally = tally
        self._stream = stream
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._expected = ""
        self._body = b""
        self._arrived = self._first_token = 0
        self.started = 0
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def send(self) -> None:
        """Send the next request, or close where there is none."""
        request = self._take()
        if request is None:
            self._end(more=False)
            return
        self._expected = request.expected
        self._body = b""
        self._first_token = 0
        self.started = perf_counter_ns()
        self._transport.write(request.data)

    def data_received(self, data: bytes) -> None:
        self._arrived = perf_counter_ns()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(f"the answer is no HTTP/1.1: {error}")

    def on_body(self, body: bytes) -> None:
        self._body += body
        if self._stream and not self._first_token and has_token(self._body):
            self._first_token = self._arrived

    def on_message_complete(self) -> None:
        if fault := self._fault():
            self._tally.errors[fault] += 1
        else:
            self._tally.latency.append(self._arrived - self.started)
            if self._stream:
                self._tally.first_token.append(self._first_token - self.started)
        if self._parser.should_keep_alive():
            self.send()
        else:
            self._end(more=True)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.fail(f"the connection was lost before the answer was whole: {exc or 'closed by the server'}")

    def fail(self, reason: str) -> None:
        """Count a failure and give the connection up."""
        self._tally.errors[reason] += 1
        self._end(more=False)

    def _fault(self) -> str | None:
        status = self._parser.get_status_code()
        if status != 200:
            return f"status {status}: {self._body[:200].decode(errors='replace')}"
        return (fault_of_stream if self._stream else fault_of_json)(self._body, self._expected)

    def _end(self, *, more: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(more)
            self._transport.close()
