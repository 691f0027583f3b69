"""Whether the ports that were asked for can be had."""

import asyncio
import errno
import socket
import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from infra.embedded.errors import PortInUseError

LOOPBACK = "127.0.0.1"
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class PortClaim:
    """A port that a server is to listen on, and the flag with which another is chosen."""

    flag: str
    port: int
    host: str = LOOPBACK


def free_ports(count: int, apart_from: Collection[int] = ()) -> list[int]:
    """Different loopback ports that nobody listens on at the moment, and none of those that are spoken for."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            server = stack.enter_context(_listening_socket(LOOPBACK, 0))
            port = int(server.getsockname()[1])
            if port not in apart_from:
                found.append(port)
    return found


async def check_ports(claims: Iterable[PortClaim]) -> None:
    """Raises `PortInUseError` for the first claim that can't be had, naming its flag.

    A listener has half a second to go away: after `kill -9` of a supervisor its children are still being ended.
    """
    claims = tuple(claims)
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return _check_all(claims)
        except PortInUseError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)


def _check_all(claims: Iterable[PortClaim]) -> None:
    flags: dict[int, str] = {}
    for claim in claims:
        if (other := flags.setdefault(claim.port, claim.flag)) != claim.flag:
            raise PortInUseError(f"port {claim.port} is given to both {other} and {claim.flag}; choose two.")
        _check(claim)


def _check(claim: PortClaim) -> None:
    if not 0 < claim.port < 65536:
        raise PortInUseError(f"{claim.port} is no port; choose one from 1 to 65535 with {claim.flag}.")
    try:
        _listening_socket(claim.host, claim.port).close()
    except OSError as error:
        raise PortInUseError(_sentence(claim, error)) from None


def _sentence(claim: PortClaim, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {claim.port} is in use by another program; choose another with {claim.flag}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {claim.port} is reserved for the administrator; choose one above 1023 with {claim.flag}."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{claim.host} is no address of this machine; choose another with --host."
    return f"port {claim.port} can't be used: {error}; choose another with {claim.flag}."


def _listening_socket(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    server = socket.socket(family, kind, protocol)
    try:
        # A port whose last connections are still in TIME_WAIT is free for the servers, which set this too.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen(1)
    except BaseException:
        server.close()
        raise
    return server
