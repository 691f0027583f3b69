"""The one shape in which every provider is called: a request in an API that it speaks, and the answer in the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

STAGE = "provider"


@dataclass(frozen=True, slots=True)
class Call:
    """One provider call. `request` is in the shape of `api`; `model` what the provider calls the model.

    `timeout` is in seconds, for the whole call; the others are those of `infra.catalog.CallTimeouts`. `baggage` is what
    the provider is told of whose call it is, where it is to be told that. `api_version` and `beta` are the caller's
    `anthropic-version` and `anthropic-beta`. `translated` says that the caller asked in another API than this.
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
    baggage: str | None = None
    api_version: str | None = None
    beta: str | None = None
    translated: bool = False


class ModelProvider(Protocol):
    """A provider's APIs behind its official SDK. Both raise `PenstockError`, retryable where another try may help."""

    spoken: frozenset[str]
    """The APIs that it speaks; a request in another has to be translated first."""

    @property
    def name(self) -> str:
        """As the catalogue names it."""
        ...

    async def complete(self, call: Call) -> dict[str, Any]:
        """The whole answer, in the shape of the call's API."""
        ...

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """The answer as it comes, as the events of the call's API, usage among them.

        Raises where the stream ends before the provider said that it was complete.
        """
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...
