"""A worker whose stages follow the catalogue: what it should serve is asked for again and again, and made so."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from infra.catalog import Catalog
from infra.dispatch.stage import Stage
from infra.telemetry.logs import Logger
from infra.telemetry.told import told
from workers.stages import Stages

_INTERVAL = 2.0
"""Seconds between two looks where nothing changed: for queues of removed providers into which messages still came."""


class Following:
    """Keeps `stages` what `wanted` says."""

    def __init__(self, wanted: Callable[[], Awaitable[tuple[Stage, ...]]], stages: Stages, log: Logger) -> None:
        self._wanted = wanted
        self._stages = stages
        self._log = log
        self._changed = asyncio.Event()

    async def on_change(self, _: Catalog) -> None:
        """There is another catalogue: look now."""
        self._changed.set()

    async def run(self) -> None:
        """Runs for as long as the process takes messages."""
        while True:
            self._changed.clear()
            try:
                await self._stages.only(await self._wanted())
            except Exception as error:  # noqa: BLE001 - the next look finds what is left to do
                # The broker is away, most likely: what was served is still served.
                self._log.warning("stages_not_changed", error=told(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL):
                    await self._changed.wait()
