"""The query behind a report. It reads sums: tenants' hours where these are enough, else days as far as the question has
whole ones, and hours for the rest.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Label,
    Select,
    Subquery,
    Tuple,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from infra.database.usage_tables import UsageDay, UsageHour, UsageTenantHour
from infra.usage.question import COUNTS, DOLLARS, START, TOKENS, Question

Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
TIMES: Final = ("saved_us", "latency_us", "first_token_us", "first_tokens")
SUMMED: Final = (*COUNTS, *TOKENS, *DOLLARS, *TIMES)
_HOURS, _DAYS, _TENANTS = (table.__table__.c for table in (UsageHour, UsageDay, UsageTenantHour))
_DAY = timedelta(days=1)
_DIMENSIONS: Final = {
    "organisation": "organisation_id",
    "tenant": "tenant_id",
    "key": "key_id",
    "model": "model",
    "route": "route",
}


def query_of(question: Question) -> Select[*tuple[Any, ...]]:
    """Columns `by_0`, `by_1`, … for the question's names, and a sum for each of `SUMMED`. The first row is the total of
    all groups, without names: it is there even where there is no group. One row more than a page may be behind it.
    """
    if _is_narrow(question):
        groups = _groups(question).cte("groups")
        page, total = _page(question, groups), _total(groups)
    else:
        # Times come in their order out of their index, so that a page is done before all of them are read.
        page, total = _first(question), _total(_lines(replace(question, bucket="none", by=(), tags=())))
    unnamed = [cast(null(), place.type).label(place.name) for place in _places(question, page)]
    first = select(literal(0).label("row"), *unnamed, *total.c)
    both = union_all(first, select(literal(1).label("row"), *page.c)).subquery()
    return select(both).order_by(both.c.row, *_places(question, both))


def _is_narrow(question: Question) -> bool:
    """Whether there are so few groups, or lines to read, that all are summed up and the page is taken from them."""
    if question.bucket == "none":
        return True
    return len(question.names) == 1 and (question.bucket == "day" or question.of_tenants)


def _groups(question: Question) -> Select[*tuple[Any, ...]]:
    lines = _lines(question)
    named = _places(question, lines)
    return select(*named, *_sums(lines)).group_by(*named)


def _first(question: Question) -> Subquery:
    start, end = question.part
    lines = _lines(replace(question, start=start, end=end))
    named = _places(question, lines)
    groups = select(*named, *_sums(lines)).group_by(*named)
    if question.after is not None:
        groups = groups.where(tuple_(*named) > _behind(question, question.after))
    return groups.order_by(*named).limit(question.limit + 1).subquery()


def _lines(question: Question) -> Subquery:
    """The sums that a question's are made of."""
    if question.of_tenants:
        sources = [_from(question, _TENANTS, _TENANTS.hour, _within(_TENANTS.hour, question.start, question.end))]
    elif question.bucket == "hour":
        sources = [_hours(question)]
    else:
        sources = [*_whole_days(question), *_edges(question)]
    return (sources[0] if len(sources) == 1 else union_all(*sources)).subquery()


def _page(question: Question, groups: CTE) -> Subquery:
    named = _places(question, groups)
    page = select(groups).where(groups.c.requests.is_not(None))
    if question.after is not None and named:
        page = page.where(tuple_(*named) > _behind(question, question.after))
    return page.order_by(*named).limit(question.limit + 1).subquery()


def _total(groups: FromClause) -> Subquery:
    return select(*_sums(groups)).subquery()


def _sums(lines: FromClause) -> list[Label[Any]]:
    """Whole numbers as such: PostgreSQL sums them up to a decimal, which takes the reader five times as long."""
    return [
        (func.sum(lines.c[name]) if name in DOLLARS else cast(func.sum(lines.c[name]), BigInteger)).label(name)
        for name in SUMMED
    ]


def _places(question: Question, lines: FromClause) -> list[KeyedColumnElement[Any]]:
    return [lines.c[f"by_{number}"] for number in range(len(question.names))]


def _behind(question: Question, place: tuple[str, ...]) -> Tuple:
    return tuple_(*(literal(_value(question, number, value)) for number, value in enumerate(place)))


def _hours(question: Question) -> Select[*tuple[Any, ...]]:
    return _from(question, _HOURS, _HOURS.hour, _within(_HOURS.hour, question.start, question.end))


def _whole_days(question: Question) -> list[Select[*tuple[Any, ...]]]:
    first, last = _days_of(question)
    return [_from(question, _DAYS, _DAYS.day, _within(_DAYS.day, first, last))] if first < last else []


def _edges(question: Question) -> list[Select[*tuple[Any, ...]]]:
    first, last = _days_of(question)
    if first >= last:
        return [_hours(question)]
    edges = [(start, end) for start, end in ((question.start, first), (last, question.end)) if start < end]
    return [_from(question, _HOURS, _HOURS.hour, _within(_HOURS.hour, start, end)) for start, end in edges]


def _days_of(question: Question) -> tuple[datetime, datetime]:
    """The midnights between which there are only whole days."""
    first, last = (moment.astimezone(UTC).replace(hour=0) for moment in (question.start, question.end))
    return first if first == question.start else first + _DAY, last


def _day_of(moment: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return func.date_trunc("day", moment, "UTC", type_=moment.type)


def _within(column: ColumnElement[datetime], start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(column >= start, column < end)


def _from(
    question: Question,
    table: Columns,
    at: ColumnElement[datetime],
    when: ColumnElement[bool],
) -> Select[*tuple[Any, ...]]:
    named: list[ColumnElement[Any]] = []
    if question.bucket != "none":
        named.append(at if question.bucket == "hour" or table is _DAYS else _day_of(at))
    named += [_dimension(table, name) for name in question.by]
    named += [func.coalesce(table.tags[name].astext, "") for name in question.tags]
    labels: list[Label[Any]] = [column.label(f"by_{number}") for number, column in enumerate(named)]
    return select(*labels, *(table[name] for name in SUMMED)).where(when, *_filters(question, table))


def _filters(question: Question, table: Columns) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [
        _dimension(table, name).in_(values) for name, values in question.filters.items()
    ]
    for name, values in question.tagged.items():
        wanted.append(or_(*(table.tags[name].astext == value for value in values)))
    return wanted


def _dimension(table: Columns, name: str) -> ColumnElement[str]:
    column: ColumnElement[str] = table[_DIMENSIONS[name]]
    return func.coalesce(column, "") if name == "key" else column


def _value(question: Question, number: int, value: str) -> datetime | str:
    return datetime.fromisoformat(value) if question.names[number] == START else value
