"""The contract of a cache entry."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from contracts.inference import Contract, TokenUsage


class CacheStored(Contract):
    """An answer that may be given again. `usage` and `cost_usd` are what it used and cost: a hit saves them."""

    model: str
    deployment: str | None = None
    provider_model: str | None = None
    route: str | None = None
    response: dict[str, Any]
    usage: TokenUsage
    cost_usd: Annotated[Decimal | None, Field(description="Dollars; absent where no price was known.")] = None
