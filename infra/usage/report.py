"""What was used, summed up: by day or hour, and by whom or what. Read from sums, not from the ledger's single rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import written_to
from infra.usage.query import SUMMED, query_of
from infra.usage.question import COUNTS, TOKENS, Question

_PATIENCE = text("SET LOCAL statement_timeout = '30s'")


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows of the ledger, summed up; money in dollars, times in milliseconds, None where nothing was timed.

    `place` has a value for each of the question's `names`: empty where a request has no such key, route or tag.
    """

    place: tuple[str, ...]
    counts: Mapping[str, int]
    cost_usd: Decimal
    saved_usd: Decimal
    mean_latency_ms: float | None
    mean_first_token_ms: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """A page of rows, whether there are more behind it, and what all rows of all pages sum up to."""

    rows: list[Sums]
    more: bool
    total: Sums


async def report(engine: AsyncEngine, question: Question) -> Report:
    """Answer a question.

    Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached, or takes over 30 s.
    """
    async with written_to(engine, "usage") as connection:
        await connection.execute(_PATIENCE)
        found = (await connection.execute(query_of(question))).mappings().all()
    rows = [_sums(row, _place(row, question)) for row in found[1:]]
    total = _sums(found[0], ())
    return Report(rows[: question.limit], len(rows) > question.limit, total)


def _place(row: RowMapping, question: Question) -> tuple[str, ...]:
    values = (row[f"by_{number}"] for number in range(len(question.names)))
    return tuple(moment_of(value) if isinstance(value, datetime) else str(value) for value in values)


def moment_of(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sums(row: RowMapping, place: tuple[str, ...]) -> Sums:
    found = {name: row[name] or 0 for name in SUMMED}
    return Sums(
        place=place,
        counts={name: found[name] for name in (*COUNTS, *TOKENS)},
        cost_usd=Decimal(found["cost_usd"]),
        saved_usd=Decimal(found["saved_usd"]),
        mean_latency_ms=_mean(found["latency_us"], found["calls"]),
        mean_first_token_ms=_mean(found["first_token_us"], found["first_tokens"]),
    )


def _mean(microseconds: int, count: int) -> float | None:
    return round(microseconds / count / 1000, 3) if count else None
