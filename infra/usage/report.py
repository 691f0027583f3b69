"""What was used, summed up: by day or hour, and by whom or what. Read from sums, not from the ledger's single rows."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import written_to
from infra.usage.query import query_of
from infra.usage.question import COUNTS, TOKENS, Question

_COUNTED: Final = (*COUNTS, *TOKENS)
_PATIENCE = text("SET LOCAL statement_timeout = '30s'")


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows of the ledger, summed up; money in dollars, times in milliseconds where no other unit is named, None where
    nothing was timed.

    `place` has a value for each of the question's `names`: empty where a request has no such key, route or tag.
    """

    place: tuple[str, ...]
    counts: Mapping[str, int]
    cost_usd: Decimal
    saved_usd: Decimal
    saved_seconds: float
    mean_latency_ms: float | None
    mean_first_token_ms: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """A page of rows, the place behind which the next one begins, and what all rows of all pages sum up to.

    The next page begins behind the last row, or where the time ends that a page is about; None where there is none.
    """

    rows: list[Sums]
    after: tuple[str, ...] | None
    total: Sums


async def report(engine: AsyncEngine, question: Question) -> Report:
    """Answer a question.

    Raises `PenstockError` (`pipeline_unavailable`, retryable) where the database can't be reached, or takes over 30 s.
    """
    async with written_to(engine, "usage") as connection:
        await connection.execute(_PATIENCE)
        found = (await connection.execute(query_of(question))).all()
    # A page of thousands of rows keeps nobody else's request waiting.
    return await asyncio.to_thread(_report_of, question, found)


def _report_of(question: Question, found: Sequence[Row[*tuple[Any, ...]]]) -> Report:
    total, *rows_and_one = found
    # A page has many rows and few times, so each time is written out once.
    written, behind = cache(moment_of), 1 + len(question.names)
    rows = [_sums(_place(row[1:behind], written), row[behind:]) for row in rows_and_one[: question.limit]]
    after = rows[-1].place if len(rows_and_one) > question.limit else _end_of_part(question)
    return Report(rows, after, _sums((), [value or 0 for value in total[behind:]]))


def _place(values: Sequence[Any], written: Callable[[datetime], str]) -> tuple[str, ...]:
    return tuple(written(value) if isinstance(value, datetime) else value for value in values)


def _end_of_part(question: Question) -> tuple[str, ...] | None:
    """A place behind all rows of the time that the page is about, if there is more time behind it."""
    if question.bucket == "none" or (end := question.part[1]) >= question.end:
        return None
    return (moment_of(end - timedelta(seconds=1)), *("" for _ in question.names[1:]))


def moment_of(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sums(place: tuple[str, ...], values: Sequence[Any]) -> Sums:
    """`values` are those of `SUMMED`."""
    cost_usd, saved_usd, saved_us, latency_us, first_token_us, first_tokens = values[len(_COUNTED) :]
    counts = dict(zip(_COUNTED, values, strict=False))
    return Sums(
        place=place,
        counts=counts,
        cost_usd=Decimal(cost_usd),
        saved_usd=Decimal(saved_usd),
        saved_seconds=round(saved_us / 1_000_000, 3),
        mean_latency_ms=_mean(latency_us, counts["calls"]),
        mean_first_token_ms=_mean(first_token_us, first_tokens),
    )


def _mean(microseconds: int, count: int) -> float | None:
    return round(microseconds / count / 1000, 3) if count else None
