"""How commands reach NATS."""

import socket

import pytest

from cli.broker import connected
from cli.failures import CommandError
from infra.settings import Settings


async def test_who_runs_a_command_without_nats_is_told_soon_and_where_it_was_looked_for():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"nats://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(CommandError, match=f"{url}.*PENSTOCK_NATS_URL"):
            async with connected(Settings(nats_url=url), within=0.3):
                raise AssertionError
