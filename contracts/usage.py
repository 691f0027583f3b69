"""The contract of the ledger: one message an attempt."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from contracts.inference import Contract, RequestId, TokenUsage
from contracts.money import Dollars

INTERRUPTED, CACHE_HIT = "interrupted", "cache_hit"


class UsageRecorded(Contract):
    """One provider call and what it used; the row of the ledger, keyed (tenant, request_id, attempt).

    An answer of the cache's is a row too, of status cache_hit: no call was made, and it says what that saved.
    """

    request_id: RequestId
    attempt: Annotated[int, Field(ge=1)]
    tenant: str
    key_id: str | None = None
    lane: str
    api: str
    model: Annotated[str, Field(description="The model that was asked for.")]
    deployment: str
    provider: str
    provider_model: str
    status: Annotated[
        str,
        Field(
            description="completed, failed, cancelled (the caller left, or another call answered first), interrupted "
            "(the worker died: an estimate) or cache_hit"
        ),
    ]
    error_code: str | None = None
    usage: TokenUsage
    cost_usd: Annotated[Dollars | None, Field(description="Dollars; absent where no price is known, never 0.")] = None
    idempotency_key: Annotated[str, Field(description="What the provider was sent as Idempotency-Key.")]
    stream: bool = False
    started_at: AwareDatetime
    latency_ms: Annotated[float, Field(ge=0)]
    first_token_ms: Annotated[float | None, Field(ge=0)] = None
    trace_id: str | None = None
    route: Annotated[str | None, Field(description="Why this deployment.")] = None
    cache: Annotated[str | None, Field(description="hit, semantic, coalesced, miss or bypass")] = None
    tags: Annotated[dict[str, str] | None, Field(description="The caller's own.")] = None
    saved_usd: Annotated[
        Dollars | None, Field(description="Dollars that an answer of the cache's cost when it was made.")
    ] = None
    saved_ms: Annotated[
        float | None,
        Field(ge=0, description="By how much an answer of the cache's came sooner than when it was made."),
    ] = None
