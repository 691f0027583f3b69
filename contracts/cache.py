"""The contracts of the cache: an entry, and who joins another request's stream."""

from typing import Annotated, Any

from pydantic import Field

from contracts.inference import Contract, RequestId, TokenUsage
from contracts.money import Dollars

HIT, SEMANTIC, COALESCED, MISS, BYPASS = "hit", "semantic", "coalesced", "miss", "bypass"
"""What the cache had to do with an answer."""


class CacheStored(Contract):
    """An answer that may be given again. `usage` and `cost_usd` are what it used and cost: a hit saves them."""

    model: str
    deployment: str | None = None
    provider_model: str | None = None
    route: str | None = None
    response: dict[str, Any]
    usage: TokenUsage
    cost_usd: Annotated[Dollars | None, Field(description="Dollars; absent where no price was known.")] = None
    latency_ms: Annotated[float | None, Field(ge=0, description="What the call took that made it.")] = None
    confidential: Annotated[
        bool, Field(description="Its prompt had to stay in the house, and so does what goes on from it.")
    ] = False


class FlightJoined(Contract):
    """A streamed request waits for the answer to another one, and would hear it as it is made (core NATS, not stored).

    `settings` are what its Response repeats of it, of OpenAI's responses alone; `created_at` is in seconds since 1970;
    `rooms` is its own header ce-rooms.
    """

    request_id: RequestId
    ingress: str
    include_usage: bool = False
    created_at: int = 0
    settings: dict[str, Any] | None = None
    rooms: str | None = None
