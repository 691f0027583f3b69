"""OpenAI and everything that speaks its API, Azure's included, through the official SDK.

The request goes out and the answer comes back as they are: the SDK's typed parameters would drop what they don't know,
and cost as much as the rest of the call.
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx2
import openai
import orjson
from openai import AsyncAzureOpenAI, AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from contracts.inference import OPENAI_CHAT, OPENAI_EMBEDDINGS
from infra.catalog import Provider
from workers.provider import errors
from workers.provider.calls import Call
from workers.provider.sdk import SdkErrors, call_options, holding, limits, translated, untold

_PATHS = {OPENAI_CHAT: "/chat/completions", OPENAI_EMBEDDINGS: "/embeddings"}
_ITEMS = {OPENAI_CHAT: "choices", OPENAI_EMBEDDINGS: "data"}
_ERRORS = SdkErrors(openai.APITimeoutError, openai.APIConnectionError, openai.APIStatusError, openai.APIError)
_OPENAI_HOST = "api.openai.com"


class OpenAIProvider:
    """A `ModelProvider` over `openai`."""

    spoken = frozenset(_PATHS)

    def __init__(self, provider: Provider, api_key: str, connections: int) -> None:
        self.name = provider.name
        self._dated = provider.kind == "azure" and provider.api_version is not None
        # OpenAI's own models refuse `max_tokens`; many compatible servers know nothing else.
        self._modern = provider.kind == "azure" or provider.base_url.host == _OPENAI_HOST
        self._client = _client_of(provider, api_key, connections)

    async def complete(self, call: Call) -> dict[str, Any]:
        """See `ModelProvider`."""
        body = {**self._body(call), "stream": False} if call.api == OPENAI_CHAT else self._body(call)
        body.pop("stream_options", None)
        with translated(self.name, _ERRORS, errors.unreachable):
            response = await self._client.post(
                self._path(call),
                content=orjson.dumps(body),
                cast_to=httpx2.Response,
                options=call_options(call, openai.Omit),
            )
            return holding(orjson.loads(response.content), _ITEMS[call.api], list)

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See `ModelProvider`. Usage is always asked for: the ledger needs it whether the caller does or not."""
        include = {**(call.request.get("stream_options") or {}), "include_usage": True}
        body = {**self._body(call), "stream": True, "stream_options": include}
        with translated(self.name, _ERRORS, errors.unreachable):
            stream: AsyncStream[Any] = await self._client.post(
                self._path(call),
                content=orjson.dumps(body),
                cast_to=object,
                options=call_options(call, openai.Omit),
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        finished: set[int] = set()
        with translated(self.name, _ERRORS, errors.cut_off):
            async with stream:
                async for chunk in stream:
                    choices = holding(chunk, "choices", list)["choices"]
                    finished.update(choice.get("index") or 0 for choice in choices if choice.get("finish_reason"))
                    yield chunk
        if len(finished) < (call.request.get("n") or 1):
            raise errors.cut_off(self.name)

    async def close(self) -> None:
        """See `ModelProvider`."""
        await self._client.close()

    def _body(self, call: Call) -> dict[str, Any]:
        body = {**call.request, "model": call.model}
        if call.translated and not self._modern and "max_completion_tokens" in body:
            body["max_tokens"] = body.pop("max_completion_tokens")
        return body

    def _path(self, call: Call) -> str:
        return (f"/deployments/{quote(call.model, safe='')}" if self._dated else "") + _PATHS[call.api]


def _client_of(provider: Provider, api_key: str, connections: int) -> AsyncOpenAI:
    shared: dict[str, Any] = {
        "api_key": api_key,
        "max_retries": 0,
        "http_client": DefaultAioHttpClient(limits=limits(connections)),
        "default_headers": {**untold(openai.Omit), **provider.headers},
    }
    root = provider.base_url.unicode_string().rstrip("/")
    if provider.kind != "azure":
        return AsyncOpenAI(base_url=root, **shared)
    if provider.api_version is not None:
        return AsyncAzureOpenAI(base_url=f"{root}/openai", api_version=provider.api_version, **shared)
    shared["default_headers"] |= {"api-key": api_key}
    return AsyncOpenAI(base_url=f"{root}/openai/v1", **shared)
