"""The one place where a worker process is put together: settings, connection, workers, subscribers, drain."""

import asyncio
import importlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from infra.access.changes import Listener
from infra.access.policies import Policies
from infra.broker import Connection, Publisher, connect
from infra.catalog import CatalogSource
from infra.catalog.bucket import ConfigBucket
from infra.catalog.file import CatalogFile
from infra.catalog.watch import CatalogWatch
from infra.database.engine import create_engine
from infra.dispatch.capture import capture_of
from infra.dispatch.courtesy import Courtesy
from infra.dispatch.in_flight import InFlight
from infra.dispatch.stage import DispatchTools
from infra.dispatch.subscriber import detach
from infra.dispatch.sweeper import sweeper_stage
from infra.readers import answer_for
from infra.runtime import end_tasks, settle
from infra.settings import Settings
from infra.streams import Subscription, stage_subscriptions
from infra.telemetry.exporting import Tracing
from infra.telemetry.logs import Logger
from infra.telemetry.metric_push import pushed
from infra.telemetry.serving import asked_of_the_loop, serve
from infra.telemetry.stage_metrics import StageMetrics, new_registry
from workers.context import Worker, WorkerContext
from workers.following import Following
from workers.local_models import LocalModels
from workers.stages import Stages

_POLICY_CONNECTIONS = 2


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the workers of a process have in common."""

    connection: Connection
    tracing: Tracing
    in_flight: InFlight
    registry: CollectorRegistry
    metrics: StageMetrics
    local_models: LocalModels
    courtesy: Courtesy
    policies: Policies


class WorkerProcess:
    """The workers of one process on one connection. `start` returns once they consume; `stop` once they are drained."""

    def __init__(self, names: Sequence[str], settings: Settings, log: Logger) -> None:
        self._names = names
        self._settings = settings
        self._log = log
        self._stages: list[Stages] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._interrupts: list[Callable[[], Awaitable[None]]] = []
        self._exit = AsyncExitStack()
        self._connection: Connection | None = None
        self._consumes = False

    async def start(self) -> None:
        """Raises `SettingsError` where the catalogue or a provider's key is missing."""
        file = CatalogFile(self._settings.catalog)
        shared = await self._open()
        watch = self._watch(file, shared.connection)
        catalog = await watch.open()
        durables = stage_subscriptions(self._settings, catalog.current)
        following = [await self._add(name, shared, catalog, durables) for name in self._names]
        tools = self._tools("sweeper", shared)
        sweeper = sweeper_stage(shared.connection.js, tools, durables["sweeper"])
        await self._stages_of(tools, shared).attach((sweeper,))
        await shared.connection.broker.start()
        runs = [watch.run(catalog), shared.policies.watch(), *(found.run() for found in following if found)]
        self._tasks = [asyncio.create_task(run) for run in runs]
        settle()
        self._consumes = True
        self._log.info("workers_started", workers=list(self._names))

    async def stop(self) -> None:
        """Take no more, finish what is in hand (at most the drain timeout), hand back the rest, close."""
        connection = self._connection
        if connection is None:
            return
        self._consumes = False
        await end_tasks(*self._tasks)
        await detach(connection.broker, self._log)
        drains = [stages.drain() for stages in self._stages]
        await asyncio.gather(*drains, *(interrupt() for interrupt in self._interrupts))
        await self._exit.aclose()
        await connection.close()
        self._log.info("workers_stopped", workers=list(self._names))

    def _durables(self) -> list[str]:
        return [durable for stages in self._stages for durable in stages.durables()]

    async def _problem(self) -> str | None:
        """What keeps these workers from taking messages; None where they take them."""
        if self._connection is None or not self._connection.client.is_connected:
            return "not connected to NATS"
        return None if self._consumes else "starting"

    def _watch(self, file: CatalogFile, connection: Connection) -> CatalogWatch:
        bucket = ConfigBucket(connection.js)
        if "provider" not in self._names:
            return CatalogWatch(file, bucket, self._log)
        # The keys are in this process's environment and in no other's: only it can say that a catalogue works.
        from workers.provider.providers import check_providers

        return CatalogWatch(file, bucket, self._log, checks=(check_providers,), vouches=True)

    async def _add(
        self, name: str, shared: _Shared, catalog: CatalogSource, durables: dict[str, tuple[Subscription, ...]]
    ) -> Following | None:
        """Build one worker and attach its stages; what keeps them up to date, where they follow the catalogue."""
        tools = self._tools(name, shared)
        context = WorkerContext(
            self._settings,
            catalog,
            shared.connection,
            tools.publisher,
            tools.tracer,
            shared.registry,
            shared.metrics.tenants,
            tools.log,
            durables,
            shared.local_models,
            shared.courtesy,
            shared.policies,
        )
        worker: Worker = importlib.import_module(f"workers.{name}.worker").build(context)
        await worker.open()
        self._exit.push_async_callback(worker.close)
        self._interrupts.append(worker.interrupt)
        stages = self._stages_of(tools, shared, makes_consumers=worker.wanted is not None)
        await stages.attach(worker.stages)
        if worker.wanted is None:
            return None
        following = Following(worker.wanted, stages, tools.log)
        catalog.on_change(following.on_change)
        return following

    def _stages_of(self, tools: DispatchTools, shared: _Shared, *, makes_consumers: bool = False) -> Stages:
        self._stages.append(Stages(shared.connection, self._settings, tools, makes_consumers=makes_consumers))
        return self._stages[-1]

    async def _open(self) -> _Shared:
        settings, registry = self._settings, new_registry(counted=self._settings.metrics)
        policies = Policies(create_engine(settings, pool_size=_POLICY_CONNECTIONS), "access")
        self._exit.push_async_callback(policies.close)
        changes = Listener(policies.forget)
        self._connection = await connect(settings, "-".join(self._names), self._log, back=[changes.back])
        await changes.open(self._connection.client)
        await answer_for(self._connection.client, self._durables)
        tracing, in_flight = Tracing(settings), InFlight(settings.ack_wait)
        await tracing.open(self._connection.client)
        self._exit.push_async_callback(tracing.close)
        if settings.metrics_port is not None:
            close = serve(settings.api_host, settings.metrics_port, registry, asked_of_the_loop(self._problem))
            self._exit.push_async_callback(asyncio.to_thread, close)
        await self._exit.enter_async_context(pushed(registry, self._names[0] if len(self._names) == 1 else "workers"))
        keep_alive = asyncio.create_task(in_flight.keep_alive())
        self._exit.callback(keep_alive.cancel)
        metrics, models = StageMetrics(registry, settings.metric_tenants), LocalModels()
        return _Shared(self._connection, tracing, in_flight, registry, metrics, models, Courtesy(), policies)

    def _tools(self, name: str, shared: _Shared) -> DispatchTools:
        return DispatchTools(
            publisher=Publisher(shared.connection.acks, name),
            tracer=shared.tracing.tracer(name),
            metrics=shared.metrics,
            log=self._log.bind(worker=name),
            in_flight=shared.in_flight,
            max_deliveries=self._settings.max_deliveries,
            courtesy=shared.courtesy,
            capture=capture_of(self._settings),
        )


async def run_workers(names: Sequence[str], settings: Settings, log: Logger) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    process = WorkerProcess(names, settings, log)
    try:
        await process.start()
        await stop.wait()
    finally:
        await process.stop()
