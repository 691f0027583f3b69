"""Anthropic, through the official SDK, translated to and from OpenAI's chat shape."""

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import orjson
from anthropic import AsyncAnthropic, AsyncStream, DefaultAioHttpClient

from infra.catalog import Provider
from workers.provider import errors
from workers.provider.anthropic_shape import StreamTranslator, to_completion, to_messages_request
from workers.provider.calls import Call
from workers.provider.sdk import SdkErrors, call_options, limits, translated

_PATH = "/v1/messages"
_ERRORS = SdkErrors(
    anthropic.APITimeoutError, anthropic.APIConnectionError, anthropic.APIStatusError, anthropic.APIError
)


class AnthropicProvider:
    """A `ModelProvider` over `anthropic`."""

    def __init__(self, provider: Provider, api_key: str, connections: int) -> None:
        self.name = provider.name
        self._client = AsyncAnthropic(
            api_key=api_key,
            base_url=provider.base_url.unicode_string().rstrip("/"),
            max_retries=0,
            http_client=DefaultAioHttpClient(limits=limits(connections)),
        )

    async def complete(self, call: Call) -> dict[str, Any]:
        """See `ModelProvider`."""
        content = orjson.dumps(to_messages_request(call.request, call.model, stream=False))
        options = call_options(call)
        with translated(self.name, _ERRORS, errors.unreachable):
            response = await self._client.post(_PATH, content=content, cast_to=httpx2.Response, options=options)
            return to_completion(orjson.loads(response.content))

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See `ModelProvider`."""
        content = orjson.dumps(to_messages_request(call.request, call.model, stream=True))
        with translated(self.name, _ERRORS, errors.unreachable):
            stream: AsyncStream[Any] = await self._client.post(
                _PATH,
                content=content,
                cast_to=object,
                options=call_options(call),
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        translator = StreamTranslator()
        with translated(self.name, _ERRORS, errors.cut_off):
            async with stream:
                async for event in stream:
                    for chunk in translator.chunks(event):
                        yield chunk
        if not translator.finished:
            raise errors.cut_off(self.name)

    async def close(self) -> None:
        """See `ModelProvider`."""
        await self._client.close()
