"""Anthropic, through the official SDK, its API as it is."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import orjson
from anthropic import AsyncAnthropic, AsyncStream, DefaultAioHttpClient

from contracts.inference import ANTHROPIC_COUNT_TOKENS, ANTHROPIC_MESSAGES
from infra.catalog import Provider
from workers.provider import errors
from workers.provider.calls import Call
from workers.provider.sdk import SdkErrors, call_options, holding, limits, translated, untold

_PATHS = {ANTHROPIC_MESSAGES: "/v1/messages", ANTHROPIC_COUNT_TOKENS: "/v1/messages/count_tokens"}
_MUST_HAVE = {ANTHROPIC_MESSAGES: "content", ANTHROPIC_COUNT_TOKENS: "input_tokens"}
_ERRORS = SdkErrors(
    anthropic.APITimeoutError, anthropic.APIConnectionError, anthropic.APIStatusError, anthropic.APIError
)


class AnthropicProvider:
    """A `ModelProvider` over `anthropic`."""

    spoken = frozenset(_PATHS)

    def __init__(self, provider: Provider, api_key: str, connections: int) -> None:
        self.name = provider.name
        self._client = AsyncAnthropic(
            api_key=api_key,
            base_url=provider.base_url.unicode_string().rstrip("/"),
            max_retries=0,
            http_client=DefaultAioHttpClient(limits=limits(connections)),
            default_headers={**untold(anthropic.Omit), **provider.headers},
        )

    async def complete(self, call: Call) -> dict[str, Any]:
        """See `ModelProvider`."""
        body = {**call.request, "model": call.model}
        body.pop("stream", None)
        with translated(self.name, _ERRORS, errors.unreachable):
            response = await self._client.post(
                _PATHS[call.api],
                content=orjson.dumps(body),
                cast_to=httpx2.Response,
                options=call_options(call, anthropic.Omit),
            )
            return holding(orjson.loads(response.content), _MUST_HAVE[call.api])

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See `ModelProvider`."""
        with translated(self.name, _ERRORS, errors.unreachable):
            stream: AsyncStream[Any] = await self._client.post(
                _PATHS[call.api],
                content=orjson.dumps({**call.request, "model": call.model, "stream": True}),
                cast_to=object,
                options=call_options(call, anthropic.Omit),
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        finished = False
        with translated(self.name, _ERRORS, errors.cut_off):
            async with stream:
                async for event in stream:
                    finished = finished or holding(event, "type")["type"] == "message_stop"
                    yield event
        if not finished:
            raise errors.cut_off(self.name)

    async def close(self) -> None:
        """See `ModelProvider`."""
        await self._client.close()
