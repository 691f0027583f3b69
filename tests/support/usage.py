"""Usage messages and the ledger that takes them, without a broker."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.inference import TokenUsage
from contracts.usage import CACHE_HIT, UsageRecorded
from infra.telemetry.metrics import LedgerMetrics
from workers.ledger.rows import Arrived, row_of
from workers.ledger.writer import Ledger, Settle

NOON = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
_numbers = itertools.count(1)


def used(tokens: TokenUsage | None = None, **fields: Any) -> UsageRecorded:
    """What a call used: of a request that no other has, unless `fields` name one."""
    usual: dict[str, Any] = {
        "request_id": f"used-{next(_numbers)}",
        "attempt": 1,
        "tenant": "acme",
        "key_id": "k1",
        "lane": "interactive",
        "api": "openai.chat_completions",
        "model": "small",
        "deployment": "openai/small",
        "provider": "openai",
        "provider_model": "small",
        "status": "completed",
        "usage": tokens or TokenUsage(input_tokens=10, output_tokens=5),
        "cost_usd": Decimal("0.0000000007"),
        "idempotency_key": "acme.used.1",
        "started_at": NOON,
        "latency_ms": 100.5,
        "first_token_ms": 20.25,
        "route": "alias",
        "cache": "miss",
    }
    return UsageRecorded(**usual | fields)


def cache_hit(**fields: Any) -> UsageRecorded:
    """An answer of the cache's."""
    nothing = {"status": CACHE_HIT, "cache": "hit", "cost_usd": Decimal(0), "first_token_ms": None}
    return used(TokenUsage(), **nothing | fields)


def arrived(recorded: UsageRecorded, stored_at: float = 0.0) -> Arrived:
    """The row of a message."""
    message_id = f"{recorded.tenant}.{recorded.request_id}.usage.{recorded.attempt}.{recorded.status}"
    return row_of(recorded.model_dump_json(exclude_none=True).encode(), message_id, stored_at)


def ledger_on(engine: AsyncEngine, settle: Settle | None = None) -> Ledger:
    """A ledger of its own metrics."""
    return Ledger(engine, LedgerMetrics(CollectorRegistry()), settle)
