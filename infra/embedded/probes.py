"""Questions to a server on this machine, asked with bare sockets: the supervisor carries no client libraries."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass

_LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to. A server that listens on every interface is asked on loopback."""

    host: str
    port: int
    tls: bool = False

    @property
    def connect_host(self) -> str:
        return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def authority(self) -> str:
        """`host:port` as a URL has it."""
        host = self.connect_host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.authority}"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A status code and the body."""

    status: int
    body: bytes


async def http_get(address: Address, path: str, *, within: float) -> HttpAnswer | None:
    """GET; None where there is no whole answer `within` that many seconds."""
    request = f"GET {path} HTTP/1.0\r\nHost: {address.authority}\r\nAccept: application/json\r\n\r\n"
    answer = await _exchange(address, request.encode("latin-1", "replace"), within)
    head, separator, body = (answer or b"").partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    if not separator or len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return None
    return HttpAnswer(int(words[1]), body)


async def nats_info(address: Address, *, within: float) -> dict[str, object] | None:
    """What a NATS server says when one connects (its INFO line); None where nothing says it `within` that time."""
    line = await _exchange(address, b"", within, until=b"\r\n")
    if line is None or not line.startswith(b"INFO "):
        return None
    with suppress(ValueError):
        info = json.loads(line[len(b"INFO ") :])
        return info if isinstance(info, dict) else None
    return None


async def _exchange(address: Address, request: bytes, within: float, until: bytes | None = None) -> bytes | None:
    """Send, and read up to `until` or the end."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(
                address.connect_host, address.port, ssl=address.tls or None, limit=_LONGEST_LINE
            )
            try:
                writer.write(request)
                return await (reader.readuntil(until) if until else reader.read())
            finally:
                writer.close()
    return None
