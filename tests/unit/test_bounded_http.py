"""Requests whose headers don't end, and others that are as long and have nothing wrong with them."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from api.bounded_http import bounded_http

LIMIT = 1000
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\n"


class Wire(asyncio.Transport):
    """What the server wrote, and whether it hung up."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed, self.hung_up = b"", False, False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def echo(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        event = await receive()
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    body = b"took %d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def talk(*parts: bytes) -> Wire:
    """Send these parts on one connection, and let the server do what it does."""
    config = uvicorn.Config(echo, http=bounded_http(LIMIT), lifespan="off", log_config=None)
    config.load()
    state, wire = ServerState(), Wire()
    protocol: Any = config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]
    protocol.connection_made(wire)
    for part in parts:
        protocol.data_received(part)
        await asyncio.sleep(0)
    if state.tasks:
        await asyncio.wait(list(state.tasks), timeout=1)
    wire.hung_up = wire.closed
    protocol.connection_lost(None)
    return wire


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD + b"x-long: " + b"a" * 2000],
        [HEAD + b"x-long: " + b"a" * 2000 + b"\r\n\r\n"],
        [HEAD, *[b"x-one-more: of them\r\n"] * 100],
        [HEAD, b"x-long: ", *[b"a" * 100] * 20],
        [b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nhost: x\r\n\r\n"],
    ],
)
async def test_headers_that_are_too_long_are_told_so_and_the_connection_ends(parts: list[bytes]):
    wire = await talk(*parts)
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.written.count(b"HTTP/1.1 ") == 1
    assert wire.hung_up


async def test_a_trailer_that_does_not_end_ends_the_connection():
    head = HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    wire = await talk(head, b"x-long: ", *[b"a" * 100] * 20)
    assert wire.hung_up
    assert b" 200 " not in wire.written


async def test_a_long_body_in_however_many_parts_is_none_of_its_business():
    body = b"b" * 300
    wire = await talk(HEAD + b"content-length: 30000\r\n\r\n" + body, *[body] * 99)
    assert wire.written.endswith(b"took 30000")
    assert not wire.hung_up


async def test_requests_one_behind_the_other_are_each_answered():
    one = HEAD + b"content-length: 900\r\n\r\n" + b"b" * 900
    wire = await talk(one * 3)
    assert wire.written.count(b"took 900") == 3
