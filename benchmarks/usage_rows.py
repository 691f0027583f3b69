"""Usage as a busy platform leaves it: by seed, the same each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from contracts.inference import TokenUsage
from contracts.usage import CACHE_HIT, UsageRecorded
from workers.ledger.rows import Arrived, row_of

TENANTS, KEYS, MODELS, TEAMS = 20, 3, 8, 5
_TAGGED, _CACHED, _FAILED = 0.7, 0.1, 0.03


@dataclass(frozen=True)
class Traffic:
    """`rows` rows over `days` days from `start` on, in the order of their times."""

    rows: int
    days: int
    start: datetime
    seed: int

    def batches(self, size: int) -> Iterator[list[Arrived]]:
        """All rows, `size` at a time; the last batch may have fewer."""
        random = Random(self.seed)
        step = timedelta(days=self.days) / self.rows
        batch: list[Arrived] = []
        for number in range(self.rows):
            used = _used(random, f"bench-{self.seed}-{number}", self.start + number * step)
            batch.append(row_of(used.model_dump_json(exclude_none=True).encode(), f"{used.request_id}.1", 0.0))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch


def _used(random: Random, request_id: str, started_at: datetime) -> UsageRecorded:
    # Most of it is a few tenants': of 20, the busiest has a quarter.
    tenant = min(int(random.expovariate(0.25)), TENANTS - 1)
    hit, failed = random.random() < _CACHED, random.random() < _FAILED
    tokens = TokenUsage() if hit or failed else TokenUsage(input_tokens=random.randrange(4000), output_tokens=99)
    model = f"model-{min(int(random.expovariate(0.6)), MODELS - 1)}"
    return UsageRecorded(
        request_id=request_id,
        attempt=1,
        tenant=f"tenant-{tenant}",
        key_id=f"key-{tenant}-{random.randrange(KEYS)}",
        lane="interactive",
        api="openai.chat_completions",
        model=model,
        deployment=f"provider/{model}",
        provider="provider",
        provider_model=model,
        status=CACHE_HIT if hit else "failed" if failed else "completed",
        usage=tokens,
        cost_usd=Decimal(tokens.input_tokens * 25 + tokens.output_tokens * 100).scaleb(-8),
        saved_usd=Decimal("0.0005") if hit else None,
        idempotency_key="" if hit else f"{request_id}.1",
        started_at=started_at,
        latency_ms=random.uniform(200, 4000),
        route="alias",
        cache="hit" if hit else "miss",
        tags={"team": f"team-{random.randrange(TEAMS)}"} if random.random() < _TAGGED else None,
    )
