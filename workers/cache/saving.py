"""The row of an answer that no provider was called for: it costs nothing, and says what it saved."""

import time
from datetime import UTC, datetime
from decimal import Decimal

from contracts.cache import CacheStored
from contracts.inference import TokenUsage
from contracts.usage import CACHE_HIT, UsageRecorded
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from workers.usage_messages import facts_of, usage_message

_CACHE = "cache"


def saving(job: Job, entry: CacheStored, status: str) -> Publication:
    """It began when its message was stored: so it is the same row, however often that is delivered."""
    took = max(time.time() - job.position.stored_at, 0.0) * 1000
    row = UsageRecorded.model_validate(
        {
            **facts_of(job),
            "attempt": 1,
            "deployment": entry.deployment or _CACHE,
            "provider": _CACHE,
            "provider_model": entry.provider_model or "",
            "status": CACHE_HIT,
            "usage": TokenUsage(),
            "cost_usd": Decimal(0),
            "saved_usd": entry.cost_usd,
            "idempotency_key": "",
            "started_at": datetime.fromtimestamp(job.position.stored_at, UTC),
            "latency_ms": took,
            "saved_ms": None if entry.latency_ms is None else max(entry.latency_ms - took, 0.0),
            "route": entry.route,
            "cache": status,
        }
    )
    return usage_message(job, CACHE_HIT, row)
