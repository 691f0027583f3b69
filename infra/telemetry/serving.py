"""What a worker process serves for those who watch it: /metrics for Prometheus, /healthz for health checks."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import CancelledError
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_PATIENCE = 2.0
"""Seconds that the event loop has to say how it is."""

Problem = Callable[[], str | None]
"""What keeps a process from working, as a sentence; None where nothing does. Called in a thread of the server's."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """A line for each scrape and each check tells nobody anything."""


def asked_of_the_loop(check: Callable[[], Coroutine[Any, Any, str | None]]) -> Problem:
    """Asks in the event loop that runs now: a process whose loop is stuck has a problem, whatever its threads say."""
    loop = asyncio.get_running_loop()

    def problem() -> str | None:
        asked = asyncio.run_coroutine_threadsafe(check(), loop)
        try:
            return asked.result(_PATIENCE)
        except (TimeoutError, CancelledError):
            asked.cancel()
            return f"the event loop has not answered for {_PATIENCE:g} s"

    return problem


def serve(host: str, port: int, registry: CollectorRegistry, problem: Problem) -> Callable[[], None]:
    """Serve in a thread; the returned function ends it and blocks until it has. Raises `OSError` for a taken port."""
    server = make_server(host, port, _application(make_wsgi_app(registry), problem), _Server, _Silent)
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def _application(metrics: "WSGIApplication", problem: Problem) -> "WSGIApplication":
    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            return metrics(environ, start)
        found = problem()
        start("200 OK" if found is None else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [(found or "ok").encode() + b"\n"]

    return answer
