"""The one place where an ingress process is put together."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial

import uvicorn
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import Route

from api.auth import Authenticator
from api.chat import ChatCompletions
from api.errors import STAGE
from api.exchange import Exchange
from api.gateway import Gateway
from api.health import Health
from api.inbox import Inbox
from api.models import Models
from api.observed import Endpoint, Observed, Visit
from contracts.errors import ErrorCode, PenstockError
from infra.broker import Publisher, connect
from infra.catalog.bucket import ConfigBucket
from infra.catalog.file import CatalogFile
from infra.catalog.watch import CatalogWatch
from infra.database.engine import create_engine
from infra.database.keys import find_key
from infra.runtime import end_tasks, settle
from infra.settings import Settings
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import ApiMetrics
from infra.telemetry.tracing import Tracer, span_processor

_DATABASE_CONNECTIONS = 2


def create_app(gateway: Gateway, engine: AsyncEngine, registry: CollectorRegistry) -> Starlette:
    """The routes."""
    health, models = Health(gateway, engine, registry), Models(gateway)

    def route(path: str, method: str, endpoint: Endpoint, name: str | None = None) -> Route:
        observed = Observed(gateway, name or path, endpoint)
        allowed = ("GET", "HEAD") if method == "GET" else (method,)
        other = Observed(gateway, name or path, _only(allowed))
        return Route(path, _ByMethod(allowed, observed, other))

    not_found = Observed(gateway, "/{path}", _not_found)
    app = Starlette(
        routes=[
            route("/v1/chat/completions", "POST", ChatCompletions(gateway)),
            route("/v1/models", "GET", models.list),
            route("/v1/models/{name:path}", "GET", models.one, "/v1/models/{name}"),
            route("/healthz", "GET", health.healthz),
            route("/readyz", "GET", health.readyz),
            route("/metrics", "GET", health.metrics),
            Route("/{path:path}", not_found),
        ]
    )
    # A path with a line break in it is matched by no route.
    app.router.default = not_found
    return app


async def run_api(settings: Settings, log: Logger) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered before the end.

    Raises `SettingsError` where the catalogue or the database is not named, and `OSError` where the port is taken.
    """
    async with AsyncExitStack() as stack:
        file, engine = CatalogFile(settings.catalog), create_engine(settings, pool_size=_DATABASE_CONNECTIONS)
        stack.push_async_callback(engine.dispose)
        inbox, registry = Inbox(), CollectorRegistry()
        connection = await connect(settings, "api", log, back=inbox.catch_up)
        stack.push_async_callback(connection.close)
        watch = CatalogWatch(file, ConfigBucket(connection.js), log)
        catalog = await watch.open()
        await inbox.listen(connection.client, connection.js)
        processor = span_processor()
        if processor is not None:
            stack.push_async_callback(asyncio.to_thread, processor.shutdown)
        gateway = Gateway(
            settings=settings,
            catalog=catalog,
            connection=connection,
            publisher=Publisher(connection.acks, STAGE),
            inbox=inbox,
            authenticator=Authenticator(partial(find_key, engine)),
            tracer=Tracer("api", processor, settings.trace_ratio),
            metrics=ApiMetrics(registry),
            log=log,
        )
        stack.push_async_callback(end_tasks, asyncio.create_task(watch.run(catalog)))
        settle()
        await _serve(create_app(gateway, engine, registry), settings)


async def _serve(app: Starlette, settings: Settings) -> None:
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=max(int(settings.drain_timeout), 1),
    )
    await _Server(config).serve()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again once it has drained: that would end us before the rest is closed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


class _ByMethod:
    """One path, its methods; any other is told so in the API's own shape."""

    def __init__(self, allowed: tuple[str, ...], right: Observed, wrong: Observed) -> None:
        self._allowed = allowed
        self._right = right
        self._wrong = wrong

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        chosen = self._right if scope["method"] in self._allowed else self._wrong
        await chosen(scope, receive, send)


async def _not_found(exchange: Exchange, _: Visit) -> None:
    raise PenstockError(ErrorCode.NOT_FOUND, f"there is nothing at {exchange.path}", stage=STAGE)


def _only(allowed: tuple[str, ...]) -> Endpoint:
    async def refuse(exchange: Exchange, _: Visit) -> None:
        exchange.answer_headers["allow"] = ", ".join(allowed)
        message = f"{exchange.method} is not a method of {exchange.path}"
        raise PenstockError(ErrorCode.METHOD_NOT_ALLOWED, message, stage=STAGE)

    return refuse
