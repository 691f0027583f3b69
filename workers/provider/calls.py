"""The one shape in which every provider is called: OpenAI's chat completion in and out, whatever it speaks itself."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

STAGE = "provider"


@dataclass(frozen=True, slots=True)
class Call:
    """One provider call. `request` is in the shape of `api`; `model` what the provider calls the model.

    `timeout` is in seconds, for the whole call; the others are those of `infra.catalog.CallTimeouts`.
    """

    api: str
    request: dict[str, Any]
    model: str
    idempotency_key: str
    timeout: float
    connect_timeout: float
    first_token: float | None
    between_tokens: float | None
    traceparent: str


class ModelProvider(Protocol):
    """A provider's API behind its official SDK. Both raise `PenstockError`, retryable where another try may help."""

    @property
    def name(self) -> str:
        """As the catalogue names it."""
        ...

    async def complete(self, call: Call) -> dict[str, Any]:
        """The whole answer, as OpenAI's `chat.completion`."""
        ...

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """The answer as it comes, as OpenAI's `chat.completion.chunk`s, a last one with usage included.

        Raises where the stream ends before the provider said that it was complete.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
