"""What the ingress needs to know of an API."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import orjson

from contracts.errors import HTTP_STATUS, RETRY_AFTER_SECONDS, ErrorCode, PenstockError
from contracts.limits import Rooms

STAGE = "api"
STREAM_CONTENT_TYPE = "text/event-stream; charset=utf-8"

Header = Callable[[str], str | None]
"""Gives a request header by its lower-case name."""


class Dialect(Protocol):
    """One API."""

    key_hint: str
    """How a key is sent, for whoever sent none."""
    done: bytes
    """What ends a stream well, behind its last event."""

    def authorization(self, header: Header) -> str | None:
        """The caller's credentials as an `Authorization` header would have them, or None."""
        ...

    def check_version(self, header: Header) -> None:
        """Raises `PenstockError` for a version of the API that isn't spoken here."""
        ...

    def answer_headers(self, request_id: str) -> Mapping[str, str]:
        """Headers that this API's SDK reads from every answer."""
        ...

    def room_headers(self, rooms: Rooms) -> Mapping[str, str]:
        """Headers that say what the caller's limits have room for."""
        ...

    def error(self, error: PenstockError, request_id: str) -> dict[str, Any]:
        """The body of an error."""
        ...

    def error_event(self, error: PenstockError, request_id: str, sequence: int) -> bytes:
        """An error within a stream that has begun, as its `sequence`th event (from 0)."""
        ...

    def event(self, data: bytes) -> bytes:
        """One event of a stream, framed."""
        ...

    def replay(self, answer: dict[str, Any], *, include_usage: bool) -> Iterator[bytes]:
        """A whole answer as the framed events of a stream."""
        ...


def named_event(data: bytes) -> bytes:
    """Server-sent event whose name is the `type` within it, as Anthropic and OpenAI's responses have it."""
    return b"event: %s\ndata: %s\n\n" % (orjson.loads(data)["type"].encode(), data)


def status_of(error: PenstockError) -> int:
    """The HTTP status of an error."""
    return HTTP_STATUS.get(error.code, 500)


def error_headers(error: PenstockError) -> dict[str, str]:
    """`Retry-After` in whole seconds, rounded up, where trying again makes sense.

    The SDKs try any 429 again, at once, unless they are told not to: no budget is filled up within a second, and what
    is more than a whole limit never passes.
    """
    in_vain = error.code in (ErrorCode.INSUFFICIENT_QUOTA, ErrorCode.RATE_LIMITED) and not error.retryable
    after = error.retry_after if error.retry_after is not None or in_vain else RETRY_AFTER_SECONDS.get(error.code)
    told = {} if after is None else {"retry-after": str(max(int(-(-after // 1)), 1))}
    return told | ({"x-should-retry": "false"} if in_vain else {})
