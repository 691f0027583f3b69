"""Worker processes within the test's own process, and handlers that a test can get hold of."""

import asyncio
import importlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol
from unittest import mock

from contracts.registry import template_of
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Handler, Stage
from infra.settings import Settings
from infra.telemetry.logs import Logger
from workers.bootstrap import WorkerProcess
from workers.context import Worker, WorkerContext

Intercept = Callable[[Job, Handler], Awaitable[Outcome]]
"""Stands in front of a handler: may wait, fail, or call it."""


class RunningWorkers:
    """A worker process. `stop` drains it, once."""

    def __init__(self, process: WorkerProcess) -> None:
        self._process = process
        self._stopped = False

    async def start(self) -> None:
        """Return once it consumes."""
        await self._process.start()

    async def stop(self) -> None:
        """As SIGTERM does."""
        if not self._stopped:
            self._stopped = True
            await self._process.stop()


@asynccontextmanager
async def running_workers(names: Sequence[str], settings: Settings, log: Logger) -> AsyncIterator[RunningWorkers]:
    """The workers of one process, from when they consume until they are drained."""
    running = RunningWorkers(WorkerProcess(names, settings, log))
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


class StartWorkers(Protocol):
    """`async with workers("validation", "cache"):`, with the pipeline's settings as they are then."""

    def __call__(self, *names: str) -> AbstractAsyncContextManager[RunningWorkers]: ...


@contextmanager
def intercepted(worker: str, event: str, intercept: Intercept) -> Iterator[None]:
    """While the body runs, a worker that starts has `intercept` in front of its handler of `event`."""
    module = importlib.import_module(f"workers.{worker}.worker")
    build: Callable[[WorkerContext], Worker] = module.build

    def build_intercepted(context: WorkerContext) -> Worker:
        made = build(context)
        return replace(made, stages=tuple(_behind(stage, event, intercept) for stage in made.stages))

    with mock.patch.object(module, "build", build_intercepted):
        yield


def _behind(stage: Stage, event: str, intercept: Intercept) -> Stage:
    if stage.spec.template != template_of(event):
        return stage
    handler = stage.handler

    async def handle(job: Job) -> Outcome:
        return await intercept(job, handler)

    return replace(stage, handler=handle)


class InjectedError(Exception):
    """A bug, as far as the dispatch core can tell."""


@dataclass(slots=True)
class Interceptor:
    """An `Intercept` that counts, and does what it is set to: fail so many times, take time, wait for `open_gate`.

    `only` is the one request that it is for; the others are counted and go through.
    """

    failures: float = 0
    seconds: float = 0.0
    held: bool = False
    only: str | None = None
    runs: Counter[str] = field(default_factory=Counter)
    started: list[float] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    _gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, job: Job, handler: Handler) -> Outcome:
        """Count the run; then fail, wait, or go on to the handler."""
        self.runs[job.request_id] += 1
        self.started.append(time.monotonic())
        self.begun.set()
        if self.only in (None, job.request_id):
            await self._do(job)
        outcome = await handler(job)
        self.done.append(job.request_id)
        return outcome

    async def _do(self, job: Job) -> None:
        if self.runs[job.request_id] <= self.failures:
            raise InjectedError
        if self.held:
            await self._gate.wait()
        if self.seconds:
            await asyncio.sleep(self.seconds)

    def open_gate(self) -> None:
        """Let those who wait go on."""
        self.held = False
        self._gate.set()
