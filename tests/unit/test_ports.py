"""The check of the ports that a platform is to listen on."""

import socket

import pytest

from infra.embedded.errors import PortInUseError
from infra.embedded.ports import PortClaim, check_ports, free_ports


async def test_a_port_in_use_is_named_with_its_flag() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError) as raised:
            await check_ports([PortClaim("--nats-port", free_ports(1)[0]), PortClaim("--port", port)])
    assert str(raised.value) == f"port {port} is in use by another program; choose another with --port."
    await check_ports([PortClaim("--port", port)])


async def test_a_port_that_is_used_on_every_interface_is_in_use() -> None:
    with socket.create_server(("0.0.0.0", 0)) as other, pytest.raises(PortInUseError, match="in use"):
        await check_ports([PortClaim("--port", other.getsockname()[1])])


async def test_a_port_asked_for_twice_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(PortInUseError, match=f"port {port} is given to both --port and --nats-port"):
        await check_ports([PortClaim("--port", port), PortClaim("--nats-port", port)])


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (
            PortClaim("--port", 8080, "192.0.2.1"),
            "192.0.2.1 is no address of this machine; choose another with --host.",
        ),
        (PortClaim("--port", 99999), "99999 is no port; choose one from 1 to 65535 with --port."),
    ],
)
async def test_what_cannot_be_listened_on_is_said(claim: PortClaim, sentence: str) -> None:
    with pytest.raises(PortInUseError, match=sentence):
        await check_ports([claim])


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_free_ports_are_none_of_those_that_are_spoken_for():
    spoken_for = set(free_ports(400))
    found = free_ports(400, apart_from=spoken_for)
    assert len(found) == 400
    assert not spoken_for.intersection(found)
