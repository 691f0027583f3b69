"""One HTTP request and its answer, on plain ASGI: what the endpoints need of it and no more."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from api.dialects.dialect import STAGE
from api.inbox import Left, Mailbox
from contracts.errors import ErrorCode, PenstockError

JSON = "application/json"
_LONGEST_ADDRESS = 64


class Exchange:
    """Reads the request, writes the answer, and remembers the status for the log."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.in_path: Mapping[str, str] = scope.get("path_params", {})
        self._peer: tuple[str, int] | None = scope.get("client")
        self._query_string: bytes = scope.get("query_string", b"")
        self.status: int | None = None
        self.events = 0
        self.answer_headers: dict[str, str] = {}

    @property
    def query(self) -> dict[str, str]:
        """The parameters behind the path."""
        return dict(parse_qsl(self._query_string.decode("latin-1")))

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """The same as they stand there, for those that may be there more than once."""
        return parse_qsl(self._query_string.decode("latin-1"), keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """A request header by its lower-case name."""
        value = self._headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def address(self, trusted_header: str | None) -> str:
        """Who sent it: the peer, or what a proxy says in a header of that name, where one is trusted.

        Proxies append: the last entry is the nearest one's, and the others may be anybody's.
        """
        said = self.header(trusted_header.lower()) if trusted_header else None
        if said:
            return said.rpartition(",")[2].strip()[:_LONGEST_ADDRESS]
        return self._peer[0] if self._peer else ""

    async def read_body(self, limit: int) -> bytes:
        """The whole body. Raises `PenstockError` (`request_too_large`) as soon as it is seen to exceed `limit`."""
        parts = [part async for part in self.body_parts(limit)]
        return b"".join(parts) if len(parts) > 1 else parts[0]

    async def body_parts(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it comes, at least one part. Raises as `read_body` does."""
        length = self.header("content-length")
        if length is not None and length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        size = 0
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise PenstockError(ErrorCode.CANCELLED, "the client went away", stage=STAGE)
            part = event.get("body", b"")
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            yield part
            if not event.get("more_body"):
                return

    async def watch(self, box: Mailbox) -> None:
        """Tell the mailbox when the client leaves. Runs beside the answer, after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        box.put(Left())

    async def start(self, status: int, headers: Mapping[str, str], content_type: str = JSON) -> None:
        """Send the status line and headers."""
        self.status = status
        merged = {"content-type": content_type, **self.answer_headers, **headers}
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in merged.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, body: bytes, *, more: bool) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole answer."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self.write(body, more=False)


def _too_large(limit: int) -> PenstockError:
    message = f"the request body is larger than {limit} bytes"
    return PenstockError(ErrorCode.REQUEST_TOO_LARGE, message, stage=STAGE)
