"""What was used, summed up: by day or hour, and by whom or what. Read from the sums of hours, not from single rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import written_to
from infra.database.tables import UsageHour

Bucket = Literal["day", "hour", "none"]
BUCKETS: Final[tuple[Bucket, ...]] = ("day", "hour", "none")
DIMENSIONS: Final = ("organisation", "tenant", "key", "model", "route")
START: Final = "start"
COUNTS: Final = ("requests", "calls", "cache_hits", "failed", "cancelled", "estimated", "unpriced")
TOKENS: Final = (
    *("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"),
    *("cache_write_tokens", "cache_write_1h_tokens", "input_audio_tokens", "output_audio_tokens"),
)
DOLLARS: Final = ("cost_usd", "saved_usd")
_TIMES: Final = ("latency_us", "first_token_us", "first_tokens")
_SUMMED: Final = (*COUNTS, *TOKENS, *DOLLARS, *_TIMES)
_PATIENCE = text("SET LOCAL statement_timeout = '30s'")
_COLUMNS: Final[Mapping[str, ColumnElement[str]]] = {
    "organisation": UsageHour.__table__.c.organisation_id,
    "tenant": UsageHour.__table__.c.tenant_id,
    "key": func.coalesce(UsageHour.__table__.c.key_id, ""),
    "model": UsageHour.__table__.c.model,
    "route": UsageHour.__table__.c.route,
}


@dataclass(frozen=True, slots=True)
class Question:
    """Which hours (UTC, `end` not among them), in which buckets, broken down by what, and of whom.

    `by` are `DIMENSIONS`; `tags` are names of tags, which break down as well. A filter is a dimension and the values of
    which it has one; `tagged` the same for tags. `after` is the place behind which a page begins: a row's `place`.
    """

    start: datetime
    end: datetime
    bucket: Bucket = "day"
    by: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tagged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    limit: int = 1000
    after: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What every row is named by, in the order that rows are in."""
        bucket = () if self.bucket == "none" else (START,)
        return (*bucket, *self.by, *(f"tag:{name}" for name in self.tags))


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
        found = (await connection.execute(_query(question))).mappings().all()
    total = _sums(dict(found[0]), (), "total_")
    rows = [_sums(dict(row), _place(dict(row), question), "") for row in found if row["requests"] is not None]
    return Report(rows[: question.limit], len(rows) > question.limit, total)


def _query(question: Question) -> Select[*tuple[Any, ...]]:
    """One scan: its groups are summed up to the total, and a page is cut out of them."""
    hours = UsageHour.__table__.c
    named = [column.label(f"by_{number}") for number, column in enumerate(_named(question))]
    sums = [func.sum(hours[name]).label(name) for name in _SUMMED]
    groups = select(*named, *sums).where(*_where(question))
    if named:
        groups = groups.group_by(*(literal_column(str(number + 1)) for number in range(len(named))))
    found = groups.cte("groups")
    page = _page(question, found, len(named))
    total = select(*(func.coalesce(func.sum(found.c[name]), 0).label(f"total_{name}") for name in _SUMMED)).subquery()
    order = [page.c[f"by_{number}"] for number in range(len(named))]
    return select(*total.c, *page.c).select_from(total.outerjoin(page, true())).order_by(*order)


def _page(question: Question, found: Any, width: int) -> Subquery:  # noqa: ANN401 - a CTE
    places = [found.c[f"by_{number}"] for number in range(width)]
    page = select(found).where(found.c.requests.is_not(None)).order_by(*places).limit(question.limit + 1)
    if question.after is not None and places:
        before = (literal(_value(question, number, value)) for number, value in enumerate(question.after))
        page = page.where(tuple_(*places) > tuple_(*before))
    return page.subquery()


def _named(question: Question) -> list[ColumnElement[Any]]:
    hours = UsageHour.__table__.c
    bucket = [] if question.bucket == "none" else [func.date_trunc(question.bucket, hours.hour, "UTC")]
    tags = [func.coalesce(hours.tags[name].astext, "") for name in question.tags]
    return [*bucket, *(_COLUMNS[name] for name in question.by), *tags]


def _where(question: Question) -> list[ColumnElement[bool]]:
    hours = UsageHour.__table__.c
    wanted = [hours.hour >= question.start, hours.hour < question.end]
    wanted += [_COLUMNS[name].in_(values) for name, values in question.filters.items()]
    for name, values in question.tagged.items():
        wanted.append(or_(*(hours.tags[name].astext == value for value in values)))
    return [and_(*wanted)]


def _value(question: Question, number: int, value: str) -> datetime | str:
    return datetime.fromisoformat(value) if question.names[number] == START else value


def _place(row: dict[str, Any], question: Question) -> tuple[str, ...]:
    values = (row[f"by_{number}"] for number in range(len(question.names)))
    return tuple(moment_of(value) if isinstance(value, datetime) else str(value) for value in values)


def moment_of(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sums(row: dict[str, Any], place: tuple[str, ...], prefix: str) -> Sums:
    found = {name: row[prefix + name] for name in _SUMMED}
    return Sums(
        place=place,
        counts={name: int(found[name]) for name in (*COUNTS, *TOKENS)},
        cost_usd=Decimal(found["cost_usd"]),
        saved_usd=Decimal(found["saved_usd"]),
        mean_latency_ms=_mean(found["latency_us"], found["calls"]),
        mean_first_token_ms=_mean(found["first_token_us"], found["first_tokens"]),
    )


def _mean(microseconds: int, count: int) -> float | None:
    return round(int(microseconds) / int(count) / 1000, 3) if count else None
