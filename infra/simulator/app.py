"""The ASGI application: what answers which path."""

from collections.abc import Awaitable, Callable, Mapping

import orjson

from infra.simulator.anthropic_dialect import AnthropicDialect
from infra.simulator.asgi import Receive, Scope, Send, respond_json
from infra.simulator.calls import answer_call, new_stamp, receive_call, send_error
from infra.simulator.catalogue import anthropic_models, openai_models
from infra.simulator.dialect import Dialect
from infra.simulator.errors import ApiError, ErrorKind
from infra.simulator.openai_dialect import OpenAIDialect
from infra.simulator.options import SimulatorOptions
from infra.simulator.stats import Stats

_Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class SimulatorApp:
    """The simulator without a server around it; its counters live as long as it does."""

    def __init__(self, options: SimulatorOptions) -> None:
        self._options = options
        self._stats = Stats()
        self._openai = OpenAIDialect()
        self._anthropic = AnthropicDialect()
        self._routes: Mapping[str, Mapping[str, _Handler]] = {
            "/v1/chat/completions": {"POST": self._chat(self._openai)},
            "/v1/messages": {"POST": self._chat(self._anthropic)},
            "/v1/models": {"GET": self._models},
            "/healthz": {"GET": self._health},
            "/stats": {"GET": self._show_stats, "DELETE": self._reset_stats},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; a scope that is no HTTP request is left alone."""
        if scope["type"] != "http":
            return
        handler = self._routes.get(scope["path"], {}).get(scope["method"], self._refuse)
        await handler(scope, receive, send)

    def _chat(self, dialect: Dialect) -> _Handler:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await answer_call(receive_call(dialect, self._stats, scope, receive, send), self._options)

        return handle

    async def _models(self, scope: Scope, _receive: Receive, send: Send) -> None:
        models = anthropic_models() if self._speaks_anthropic(scope) else openai_models()
        await respond_json(send, 200, models)

    async def _health(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond_json(send, 200, b'{"status":"ok"}')

    async def _show_stats(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond_json(send, 200, orjson.dumps(self._stats.snapshot()))

    async def _reset_stats(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._stats = Stats()
        await self._show_stats(scope, receive, send)

    async def _refuse(self, scope: Scope, _receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path in self._routes:
            error = ApiError(ErrorKind.METHOD_NOT_ALLOWED, f"Not allowed to {method} on {path}.")
        else:
            error = ApiError(ErrorKind.NOT_FOUND, f"Invalid URL ({method} {path})")
        dialect = self._anthropic if self._speaks_anthropic(scope) else self._openai
        await send_error(send, dialect, error, new_stamp())

    def _speaks_anthropic(self, scope: Scope) -> bool:
        in_headers = any(name == b"anthropic-version" for name, _ in scope["headers"])
        return in_headers or scope["path"].startswith("/v1/messages")
