"""The contract of a cache entry."""

from typing import Any

from contracts.inference import Contract, TokenUsage


class CacheStored(Contract):
    """An answer that may be given again. `usage` is what the first answer used: a hit saves it."""

    model: str
    deployment: str | None = None
    provider_model: str | None = None
    route: str | None = None
    response: dict[str, Any]
    usage: TokenUsage
