"""The one place where a worker process is put together: settings, connection, workers, subscribers, drain."""

import asyncio
import importlib
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from opentelemetry.sdk.trace import SpanProcessor
from prometheus_client import CollectorRegistry, start_http_server

from infra.broker import Connection, Publisher, connect
from infra.catalog import CatalogSource, load_catalog
from infra.dispatch.core import Dispatcher
from infra.dispatch.in_flight import InFlight
from infra.dispatch.stage import DispatchTools, Stage
from infra.dispatch.subscriber import attach, detach
from infra.dispatch.sweeper import sweeper_stage
from infra.runtime import settle
from infra.settings import Settings
from infra.streams import stage_subscriptions
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import StageMetrics
from infra.telemetry.tracing import Tracer, span_processor
from workers.context import Worker, WorkerContext

_LOOK_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the workers of a process have in common."""

    connection: Connection
    processor: SpanProcessor | None
    in_flight: InFlight
    metrics: StageMetrics


class WorkerProcess:
    """The workers of one process on one connection. `start` returns once they consume; `stop` once they are drained."""

    def __init__(self, names: Sequence[str], settings: Settings, log: Logger) -> None:
        self._names = names
        self._settings = settings
        self._log = log
        self._dispatchers: list[Dispatcher] = []
        self._exit = AsyncExitStack()
        self._connection: Connection | None = None

    async def start(self) -> None:
        """Raises `SettingsError` where the catalogue or a provider's key is missing."""
        catalog, registry = CatalogSource(load_catalog(self._settings.catalog)), CollectorRegistry()
        shared = await self._open(registry)
        durables = stage_subscriptions(self._settings, catalog.current)
        for name in self._names:
            tools = self._tools(name, shared)
            context = WorkerContext(
                self._settings,
                catalog,
                shared.connection,
                tools.publisher,
                tools.tracer,
                registry,
                tools.log,
                durables,
            )
            worker: Worker = importlib.import_module(f"workers.{name}.worker").build(context)
            await worker.open()
            self._exit.push_async_callback(worker.close)
            await self._attach(worker.stages, tools, shared.connection)
        tools = self._tools("sweeper", shared)
        await self._attach((sweeper_stage(shared.connection.js, tools, durables["sweeper"]),), tools, shared.connection)
        await shared.connection.broker.start()
        settle()
        self._log.info("workers_started", workers=list(self._names))

    async def stop(self) -> None:
        """Take no more, finish what is in hand (at most the drain timeout), hand back the rest, close."""
        connection = self._connection
        if connection is None:
            return
        await detach(connection.broker, self._log)
        await asyncio.gather(*(dispatcher.drain(self._settings.drain_timeout) for dispatcher in self._dispatchers))
        await self._exit.aclose()
        await connection.close()
        self._log.info("workers_stopped", workers=list(self._names))

    async def _open(self, registry: CollectorRegistry) -> _Shared:
        settings = self._settings
        self._connection = await connect(settings, "-".join(self._names), self._log)
        processor, in_flight = span_processor(), InFlight(settings.ack_wait)
        if processor is not None:
            self._exit.push_async_callback(asyncio.to_thread, processor.shutdown)
        if settings.metrics_port is not None:
            server, _ = start_http_server(settings.metrics_port, settings.api_host, registry)
            self._exit.push_async_callback(asyncio.to_thread, server.shutdown)
        keep_alive = asyncio.create_task(in_flight.keep_alive())
        self._exit.callback(keep_alive.cancel)
        return _Shared(self._connection, processor, in_flight, StageMetrics(registry))

    def _tools(self, name: str, shared: _Shared) -> DispatchTools:
        return DispatchTools(
            publisher=Publisher(shared.connection.acks, name),
            tracer=Tracer(name, shared.processor, self._settings.trace_ratio),
            metrics=shared.metrics,
            log=self._log.bind(worker=name),
            in_flight=shared.in_flight,
            max_deliveries=self._settings.max_deliveries,
        )

    async def _attach(self, stages: tuple[Stage, ...], tools: DispatchTools, connection: Connection) -> None:
        for stage in stages:
            dispatcher = Dispatcher(stage.spec, stage.handler, tools)
            self._dispatchers.append(dispatcher)
            for subscription in stage.subscriptions:
                await _until_provisioned(connection.js, subscription.stream, subscription.durable, tools.log)
                attach(connection.broker, subscription, dispatcher)


async def _until_provisioned(js: JetStreamContext, stream: str, durable: str, log: Logger) -> None:
    """Wait for the consumer: a client that finds none makes one of its own, with the wrong settings."""
    told = False
    while True:
        try:
            await js.consumer_info(stream, durable)
        except NotFoundError:
            if not told:
                log.warning("not_provisioned", stream=stream, consumer=durable, remedy="run `penstock setup`")
                told = True
            await asyncio.sleep(_LOOK_AGAIN)
        else:
            return


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
