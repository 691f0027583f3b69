"""OpenAI and everything that speaks its API, through the official SDK.

The request goes out and the answer comes back as they are: the SDK's typed parameters would drop what they don't know,
and cost as much as the rest of the call.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import orjson
from openai import AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from infra.catalog import Provider
from workers.provider import errors
from workers.provider.calls import Call
from workers.provider.sdk import SdkErrors, call_options, limits, translated

_PATH = "/chat/completions"
_ERRORS = SdkErrors(openai.APITimeoutError, openai.APIConnectionError, openai.APIStatusError, openai.APIError)


class OpenAIProvider:
    """A `ModelProvider` over `openai`."""

    def __init__(self, provider: Provider, api_key: str, connections: int) -> None:
        self.name = provider.name
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=provider.base_url.unicode_string(),
            max_retries=0,
            http_client=DefaultAioHttpClient(limits=limits(connections)),
        )

    async def complete(self, call: Call) -> dict[str, Any]:
        """See `ModelProvider`."""
        body = {**call.request, "model": call.model, "stream": False}
        body.pop("stream_options", None)
        options = call_options(call)
        with translated(self.name, _ERRORS, errors.unreachable):
            content = orjson.dumps(body)
            response = await self._client.post(_PATH, content=content, cast_to=httpx2.Response, options=options)
            return _with_choices(orjson.loads(response.content))

    async def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """See `ModelProvider`. Usage is always asked for: the ledger needs it whether the caller does or not."""
        include = {**(call.request.get("stream_options") or {}), "include_usage": True}
        body = {**call.request, "model": call.model, "stream": True, "stream_options": include}
        with translated(self.name, _ERRORS, errors.unreachable):
            stream: AsyncStream[Any] = await self._client.post(
                _PATH,
                content=orjson.dumps(body),
                cast_to=object,
                options=call_options(call),
                stream=True,
                stream_cls=AsyncStream[Any],
            )
        finished = False
        with translated(self.name, _ERRORS, errors.cut_off):
            async with stream:
                async for chunk in stream:
                    choices = _with_choices(chunk)["choices"]
                    finished = finished or any(choice.get("finish_reason") for choice in choices)
                    yield chunk
        if not finished:
            raise errors.cut_off(self.name)

    async def close(self) -> None:
        """See `ModelProvider`."""
        await self._client.close()


def _with_choices(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON the provider sent
    if isinstance(answer, dict) and isinstance(answer.get("choices"), list):
        return answer
    raise ValueError("an answer without choices")
