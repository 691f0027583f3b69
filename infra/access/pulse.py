"""Was anything changed at all? One question for all that a process remembers, three times a second.

Every write to what is remembered counts a version up in its own transaction (a trigger's work, so whoever writes). As
long as it stays the same, nothing that was read before it was asked for is out of date, however many entries that are.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.tables import AccessVersion

_INTERVAL = 0.3
"""Seconds between two questions: a change that nobody told of counts well within a second."""
_NEVER = float("-inf")


class Pulse:
    """Asks, for one process. At a change each that was given to `on_change` is called."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._forget: list[Callable[[], None]] = []
        self._version: int | None = None
        self._confirmed_at = _NEVER

    def on_change(self, forget: Callable[[], None]) -> None:
        """Call this at every change from now on."""
        self._forget.append(forget)

    def confirmed_at(self) -> float:
        """By the monotonic clock: what was read, and not forgotten since, was right at this moment at least."""
        return self._confirmed_at

    async def run(self) -> None:
        """Ask again and again, for as long as the process runs. While the database is away, nothing is confirmed."""
        while True:
            # Who needs to know what is asked in vain asks for itself, and says so.
            with suppress(SQLAlchemyError, OSError):
                await self.ask()
            await asyncio.sleep(_INTERVAL)

    async def ask(self) -> None:
        """Once. Raises what the database raises."""
        began = time.monotonic()
        async with self._engine.connect() as connection:
            version = (await connection.execute(select(AccessVersion.version))).scalar()
        if version != self._version or self._confirmed_at == _NEVER:
            self._version = version
            for forget in self._forget:
                forget()
        self._confirmed_at = began
