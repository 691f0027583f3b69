"""The ASGI application: what answers which path."""

from collections.abc import Awaitable, Callable, Mapping

import orjson

from infra.simulator.anthropic_dialect import AnthropicDialect, TokenCount
from infra.simulator.asgi import Receive, Scope, Send, respond_json
from infra.simulator.azure import V1_PREFIX, Refusal, read_path, refuse_deployment, refuse_v1
from infra.simulator.calls import answer_call, new_stamp, receive_call, send_error
from infra.simulator.catalogue import anthropic_models, openai_models
from infra.simulator.dialect import Dialect, RequestT
from infra.simulator.embeddings import Embeddings
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
        chat, embeddings = self._call(self._openai), self._call(Embeddings())
        self._routes: Mapping[str, Mapping[str, _Handler]] = {
            "/v1/chat/completions": {"POST": chat},
            "/v1/embeddings": {"POST": embeddings},
            "/v1/messages": {"POST": self._call(self._anthropic)},
            "/v1/messages/count_tokens": {"POST": self._call(TokenCount())},
            "/v1/models": {"GET": self._models},
            f"{V1_PREFIX}/chat/completions": {"POST": _guarded(chat, refuse_v1)},
            f"{V1_PREFIX}/embeddings": {"POST": _guarded(embeddings, refuse_v1)},
            "/healthz": {"GET": self._health},
            "/stats": {"GET": self._show_stats, "DELETE": self._reset_stats},
            "/stats/calls": {"GET": self._show_calls},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; a scope that is no HTTP request is left alone."""
        if scope["type"] != "http":
            return
        routes = self._routes.get(scope["path"]) or self._deployment(scope["path"])
        await routes.get(scope["method"], self._refuse)(scope, receive, send)

    def _call(self, dialect: Dialect[RequestT]) -> _Handler:
        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            await answer_call(receive_call(dialect, self._stats, scope, receive, send), self._options)

        return handle

    def _deployment(self, path: str) -> Mapping[str, _Handler]:
        """What answers the path of a deployment at Azure."""
        asked = read_path(path)
        if asked is None:
            return {}
        name, operation = asked
        handler = self._call(Embeddings(name)) if operation == "embeddings" else self._call(OpenAIDialect(name))
        return {"POST": _guarded(handler, refuse_deployment)}

    async def _models(self, scope: Scope, _receive: Receive, send: Send) -> None:
        models = anthropic_models() if self._speaks_anthropic(scope) else openai_models()
        await respond_json(send, 200, models)

    async def _health(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond_json(send, 200, b'{"status":"ok"}')

    async def _show_stats(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond_json(send, 200, orjson.dumps(self._stats.snapshot()))

    async def _show_calls(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await respond_json(send, 200, orjson.dumps(self._stats.ended))

    async def _reset_stats(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._stats = Stats()
        await self._show_stats(scope, receive, send)

    async def _refuse(self, scope: Scope, _receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path in self._routes or read_path(path):
            error = ApiError(ErrorKind.METHOD_NOT_ALLOWED, f"Not allowed to {method} on {path}.")
        else:
            error = ApiError(ErrorKind.NOT_FOUND, f"Invalid URL ({method} {path})")
        dialect = self._anthropic if self._speaks_anthropic(scope) else self._openai
        await send_error(send, dialect, error, new_stamp())

    def _speaks_anthropic(self, scope: Scope) -> bool:
        in_headers = any(name == b"anthropic-version" for name, _ in scope["headers"])
        return in_headers or scope["path"].startswith("/v1/messages")


def _guarded(handler: _Handler, refuse: Callable[[Scope], Refusal | None]) -> _Handler:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = refuse(scope)
        if refusal is None:
            await handler(scope, receive, send)
        else:
            await respond_json(send, refusal.status, refusal.body)

    return handle
