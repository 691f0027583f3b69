"""The contract of the ledger: one message an attempt."""

from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, Field

from contracts.inference import Contract, RequestId, TokenUsage


class UsageRecorded(Contract):
    """One provider call and what it used; the row of the ledger, keyed (tenant, request_id, attempt)."""

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
            description="completed, failed, cancelled (the caller left) or interrupted (the worker died: an estimate)"
        ),
    ]
    error_code: str | None = None
    usage: TokenUsage
    cost_usd: Annotated[Decimal | None, Field(description="Dollars; absent where no price is known, never 0.")] = None
    idempotency_key: Annotated[str, Field(description="What the provider was sent as Idempotency-Key.")]
    stream: bool = False
    started_at: AwareDatetime
    latency_ms: Annotated[float, Field(ge=0)]
    first_token_ms: Annotated[float | None, Field(ge=0)] = None
    trace_id: str | None = None
