"""How commands reach NATS: a process waits for a server that isn't there yet, a person is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cli.failures import CommandError

if TYPE_CHECKING:
    from infra.broker import Connection
    from infra.settings import Settings

PATIENCE = 5.0
"""Seconds."""


@asynccontextmanager
async def connected(settings: "Settings", within: float = PATIENCE) -> "AsyncIterator[Connection]":
    """A connection for one command.

    Raises `CommandError` where NATS isn't reached within so many seconds, `SettingsError` where it refuses us.
    """
    from infra.broker import connect
    from infra.telemetry.logs import configure_logging

    # What the connection logs while it waits is what the sentence says.
    log = configure_logging("cli", "error")
    try:
        async with asyncio.timeout(within):
            connection = await connect(settings, "cli", log)
    except TimeoutError:
        url = settings.nats_url.unicode_string()
        raise CommandError(f"no NATS answers at {url}: does it run, and is PENSTOCK_NATS_URL right?") from None
    try:
        yield connection
    finally:
        await connection.close()
