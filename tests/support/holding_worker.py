"""`python -m tests.support.holding_worker WORKER EVENT`: a worker process that takes messages and never lets them go.

Settings come from the environment. It prints the request id of each message of EVENT that its handler was given.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Handler
from infra.settings import Settings, load_settings
from infra.telemetry.logs import configure_logging
from tests.support.workers import intercepted, running_workers

_ROOT = Path(__file__).parents[2]


async def main(worker: str, event: str) -> None:
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


class HoldingWorker:
    """The process, for the test that started it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def taken(self) -> str:
        """Wait for its handler to be given a message, and return the request id."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            return (await self._process.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def holding_worker(worker: str, event: str, settings: Settings) -> AsyncIterator[HoldingWorker]:
    """A process of its own, killed at the end if it still lives."""
    command = (sys.executable, "-m", "tests.support.holding_worker", worker, event)
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environment_of(settings)}, cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    holding = HoldingWorker(process)
    try:
        yield holding
    finally:
        await holding.kill()


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as the variables that another process reads."""
    plain = settings.model_dump(mode="json", exclude_none=True)
    return {f"PENSTOCK_{name.upper()}": str(value) for name, value in plain.items()}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
