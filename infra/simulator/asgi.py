"""The part of ASGI the simulator speaks, as types, and the two ways it answers in one go."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
EVENT_STREAM: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
)


async def start(send: Send, status: int, headers: Iterable[Header]) -> None:
    """Sends the status line and headers; without a content-length among them the body goes out chunked."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def write(send: Send, body: bytes, *, more: bool) -> None:
    """Sends a part of the body; `more=False` ends the response."""
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def respond_json(send: Send, status: int, body: bytes, headers: Iterable[Header] = ()) -> None:
    """Sends a whole JSON response whose body is already encoded."""
    await start(send, status, (JSON, (b"content-length", b"%d" % len(body)), *headers))
    await write(send, body, more=False)
