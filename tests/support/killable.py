"""Worker processes that are there to be killed: one that works, and one that takes messages and never lets them go."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Handler
from infra.settings import Settings, load_settings
from infra.telemetry.logs import configure_logging
from tests.support import forks
from tests.support.homes import home_directory
from tests.support.waiting import eventually
from tests.support.workers import intercepted, running_workers


class Killable:
    """The process, for the test that started it."""

    def __init__(self, process: forks.Forked, said: Path) -> None:
        self._process = process
        self._said = said

    async def taken(self) -> str:
        """Wait for its handler to be given a message, and return the request id: one that holds says it."""

        def lines() -> list[str]:
            return self._said.read_text().split("\n")[:-1] if self._said.exists() else []

        return (await eventually(lines, within=20, what="no message was taken"))[0]

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)


@asynccontextmanager
async def killable(worker: str, settings: Settings) -> AsyncIterator[Killable]:
    """A worker in a process of its own, killed at the end if it still lives."""
    async with _killable(("worker", worker), settings) as process:
        yield process


@asynccontextmanager
async def holding_worker(worker: str, event: str, settings: Settings) -> AsyncIterator[Killable]:
    """One that says the request id of each message of `event` that its handler is given, and does nothing with it."""
    async with _killable((worker, event), settings, main=_hold) as process:
        yield process


@asynccontextmanager
async def _killable(
    arguments: Sequence[str], settings: Settings, main: Callable[[], None] | None = None
) -> AsyncIterator[Killable]:
    told = settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    environ = {**os.environ, **{f"PENSTOCK_{name.upper()}": str(value) for name, value in told.items()}}
    with home_directory() as home:
        said = home / "said"
        started = await asyncio.to_thread(forks.start, arguments, environ, said, errors=home / "told", main=main)
        process = Killable(started, said)
        try:
            yield process
        finally:
            await process.kill()


def _hold() -> None:
    asyncio.run(_hold_messages(sys.argv[1], sys.argv[2]))


async def _hold_messages(worker: str, event: str) -> None:
    """Run until killed."""

    async def hold(job: Job, _: Handler) -> Outcome:
        sys.stdout.write(f"{job.request_id}\n")
        sys.stdout.flush()
        held: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return await held

    settings = load_settings()
    with intercepted(worker, event, hold):
        async with running_workers([worker], settings, configure_logging(worker, "info")):
            await asyncio.get_running_loop().create_future()
