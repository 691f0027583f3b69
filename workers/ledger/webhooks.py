"""Posting JSON to a URL that an administrator named."""

from typing import Any

import httpx2
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

_TIMEOUT, _TRIES = 5.0, 3


class Webhooks:
    """One client for all of them, made when it is first needed: to read the certificates takes 30 ms.

    Redirections are not followed. `pause` is how long a second try waits at first, in seconds.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None, pause: float = 0.5) -> None:
        self._transport = transport
        self._pause = pause
        self._client: httpx2.AsyncClient | None = None

    async def post(self, url: str, body: dict[str, Any]) -> None:
        """Try a few times. Raises `httpx2.HTTPError` for any answer but a 2xx, `httpx2.InvalidURL` for what is none."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT, transport=self._transport)
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential_jitter(multiplier=self._pause, max=_TIMEOUT, jitter=self._pause),
            retry=retry_if_exception_type(httpx2.HTTPError),
            reraise=True,
        ):
            with attempt:
                (await self._client.post(url, json=body)).raise_for_status()

    async def close(self) -> None:
        """Give its connections back."""
        if self._client is not None:
            await self._client.aclose()
