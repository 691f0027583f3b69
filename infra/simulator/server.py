"""The simulator as a process: the application on uvicorn."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.simulator.app import SimulatorApp
from infra.simulator.delivery import CUT_EXTENSION
from infra.simulator.options import SimulatorOptions, with_environment

__all__ = ["SimulatorOptions", "create_app", "run", "serve"]

_BACKLOG = 2048
# Longer than the official SDKs keep an idle connection (5 s): the server must not close one just as it is reused.
_KEEP_ALIVE_S = 75


def create_app(options: SimulatorOptions) -> SimulatorApp:
    """The ASGI application, with counters of its own."""
    return SimulatorApp(options)


async def serve(options: SimulatorOptions, on_ready: Callable[[str], None] | None = None) -> None:
    """Serves until SIGINT, SIGTERM or cancellation, then cuts what is still streaming and returns within a second.

    PENSTOCK_SIM_LATENCY_MS and PENSTOCK_SIM_TOKENS_PER_SECOND take the place of the options' own speed. `on_ready` is
    given the server's URL once it answers. Raises OSError when the address can't be bound and ValueError for a bad
    variable.
    """
    app = create_app(with_environment(options, os.environ))
    with _listen(options) as listener:
        url = _url(options.host, listener.getsockname()[1])
        server = _Server(_config(app), lambda: on_ready(url) if on_ready else None)
        try:
            await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            if server.started:
                await server.shutdown([listener])
            raise


def run(options: SimulatorOptions, on_ready: Callable[[str], None] | None = None) -> None:
    """Runs `serve` on uvloop, or on asyncio's own loop where there is no uvloop."""
    _run_loop(serve(options, on_ready))


def _run_loop(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def _config(app: SimulatorApp) -> Config:
    return Config(
        app,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )


def _listen(options: SimulatorOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    return socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _CuttableProtocol(HttpToolsProtocol):
    """Lets the application close the connection in the middle of a response, for which ASGI has no message."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT_EXTENSION: {"close": self.transport.close}}


class _Server(Server):
    """uvicorn's server, which doesn't wait for open streams at the end and leaves the process to its caller."""

    def __init__(self, config: Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Aborted, each open call sees its client gone and ends by itself, which leaves uvicorn nothing to wait for.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal once more at the end, so that a clean stop would look like a kill to who started us.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
