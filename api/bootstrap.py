"""The one place where an ingress process is put together."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial

import uvicorn
from starlette.applications import Starlette

from api.auth import Authenticator
from api.bounded_http import bounded_http
from api.dialects.dialect import STAGE
from api.gateway import Gateway
from api.health import durables
from api.inbox import Inbox
from api.metrics import Metrics
from api.refusals import reported
from api.routes import create_app
from infra.access.changes import Listener
from infra.access.credentials import Credentials
from infra.access.logins import FailedLogins
from infra.access.logins_elsewhere import LoginsElsewhere
from infra.access.pulse import Pulse
from infra.broker import Publisher, connect
from infra.catalog.bucket import ConfigBucket
from infra.catalog.file import CatalogFile
from infra.catalog.watch import CatalogWatch
from infra.database.engine import create_engine
from infra.nats_auth.generate import read_operator
from infra.runtime import end_tasks, settle
from infra.settings import Settings
from infra.telemetry.exporting import Tracing
from infra.telemetry.logs import Logger
from infra.telemetry.metric_push import pushed
from infra.telemetry.metrics import ApiMetrics
from infra.telemetry.queues import Queues
from infra.telemetry.stage_metrics import new_registry

_DATABASE_CONNECTIONS, _DOCUMENT_CONNECTIONS = 3, 6


async def run_api(settings: Settings, log: Logger) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered before the end.

    Raises `SettingsError` where the catalogue or the database is not named, or the operator's seed is none, and
    `OSError` where the port is taken, or the seed is not there.
    """
    async with AsyncExitStack() as stack:
        file, engine = CatalogFile(settings.catalog), create_engine(settings, pool_size=_DATABASE_CONNECTIONS)
        documents = create_engine(settings, pool_size=_DOCUMENT_CONNECTIONS)
        for pool in (engine, documents):
            stack.push_async_callback(pool.dispose)
        inbox, registry = Inbox(), new_registry(counted=settings.metrics)
        metrics = ApiMetrics(registry)
        failures, report = FailedLogins(settings.failed_logins), reported(log, metrics)
        elsewhere, pulse = LoginsElsewhere(failures), Pulse(engine)
        authenticator = Authenticator(Credentials(engine).find, failures, report, pulse.confirmed_at)
        pulse.on_change(authenticator.forget)
        changes = Listener(authenticator.forget)
        connection = await connect(settings, "api", log, back=[changes.back, inbox.catch_up])
        stack.push_async_callback(connection.close)
        watch = CatalogWatch(file, ConfigBucket(connection.js), log)
        catalog = await watch.open()
        await inbox.listen(connection.client, connection.js)
        await changes.open(connection.client)
        await elsewhere.open(connection.client)
        tracing = Tracing(settings)
        await tracing.open(connection.client)
        stack.push_async_callback(tracing.close)
        gateway = Gateway(
            settings=settings,
            catalog=catalog,
            connection=connection,
            publisher=Publisher(connection.acks, STAGE),
            inbox=inbox,
            authenticator=authenticator,
            documents=documents,
            operator=None if settings.nats_operator is None else read_operator(settings.nats_operator),
            tracer=tracing.tracer("api"),
            metrics=metrics,
            log=log,
        )
        queues = Queues(connection.js, partial(durables, gateway), registry)
        await stack.enter_async_context(pushed(registry, "api", queues.refresh))
        runs = (asyncio.create_task(each) for each in (watch.run(catalog), pulse.run()))
        stack.push_async_callback(end_tasks, *runs)
        settle()
        app = create_app(gateway, engine, Metrics(registry, queues))
        await _Server(server_config(app, settings)).serve()


def server_config(app: Starlette, settings: Settings) -> uvicorn.Config:
    """How the API is served."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        http=bounded_http(settings.max_header_bytes),
        lifespan="off",
        access_log=False,
        # It would believe whoever connects from this machine; see `Exchange.address`.
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=max(int(settings.drain_timeout), 1),
    )


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again once it has drained: that would end us before the rest is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
