"""uvicorn's HTTP/1.1 with an end to headers: its parser keeps as many bytes of them as a client sends."""

from typing import Final

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_STATUS: Final = 431
"""https://www.rfc-editor.org/rfc/rfc6585#section-5"""


class BoundedHttp(HttpToolsProtocol):
    """A connection. Who sends more than `limit` bytes of headers is told so, and it is closed."""

    limit = 64 * 1024
    _quiet = 0
    """Bytes since the last that belonged to a body, or ended a message: a head, or a trailer."""
    _refused = False

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._refused:
            return
        self._quiet += len(data)
        super().data_received(data)
        if self._quiet > self.limit:
            self._refuse()

    def on_headers_complete(self) -> None:
        """A head is there: only one that is short enough is a request."""
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.limit:
            self._refuse()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        self._quiet = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._quiet = 0
        if not self._refused:
            super().on_message_complete()

    def _refuse(self) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(self.limit))
        self.transport.close()


def bounded_http(limit: int) -> type[BoundedHttp]:
    """The protocol for a limit, in bytes: uvicorn makes one a connection, and is given a class."""
    return type("LimitedHttp", (BoundedHttp,), {"limit": limit})


def _answer(limit: int) -> bytes:
    error = {"message": f"the request's headers are longer than {limit} bytes", "type": "invalid_request_error"}
    body = orjson.dumps({"error": {**error, "param": None, "code": "headers_too_large"}})
    head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    return STATUS_LINE[_STATUS] + head + body
