"""The query behind a report: one scan of sums, of days as far as the question has whole ones, of hours for the rest."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Label,
    Select,
    Subquery,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from infra.database.tables import UsageDay, UsageHour
from infra.usage.question import COUNTS, DOLLARS, START, TOKENS, Question

Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
TIMES: Final = ("latency_us", "first_token_us", "first_tokens")
SUMMED: Final = (*COUNTS, *TOKENS, *DOLLARS, *TIMES)
_HOURS, _DAYS = UsageHour.__table__.c, UsageDay.__table__.c
_DAY = timedelta(days=1)
_DIMENSIONS: Final = {
    "organisation": "organisation_id",
    "tenant": "tenant_id",
    "key": "key_id",
    "model": "model",
    "route": "route",
}


def query_of(question: Question) -> Select[*tuple[Any, ...]]:
    """Columns `by_0`, `by_1`, … for the question's names, a sum for each of `SUMMED`, and `total_<sum>` for what all
    groups sum up to. There is a row with the total even where there is no group; its sums are null then.
    """
    sources = [_hours(question)] if question.bucket == "hour" else [*_whole_days(question), *_edges(question)]
    lines = (sources[0] if len(sources) == 1 else union_all(*sources)).subquery()
    width = len(question.names)
    sums = [func.sum(lines.c[name]).label(name) for name in SUMMED]
    groups = select(*(lines.c[f"by_{number}"] for number in range(width)), *sums)
    if width:
        groups = groups.group_by(*(literal_column(str(number + 1)) for number in range(width)))
    found = groups.cte("groups")
    page = _page(question, found)
    total = select(*(func.coalesce(func.sum(found.c[name]), 0).label(f"total_{name}") for name in SUMMED)).subquery()
    order = [page.c[f"by_{number}"] for number in range(width)]
    return select(*total.c, *page.c).select_from(total.outerjoin(page, true())).order_by(*order)


def _hours(question: Question) -> Select[*tuple[Any, ...]]:
    return _lines(question, _HOURS, _HOURS.hour, _within(_HOURS.hour, question.start, question.end))


def _whole_days(question: Question) -> list[Select[*tuple[Any, ...]]]:
    first, last = _days_of(question)
    return [_lines(question, _DAYS, _DAYS.day, _within(_DAYS.day, first, last))] if first < last else []


def _edges(question: Question) -> list[Select[*tuple[Any, ...]]]:
    first, last = _days_of(question)
    if first >= last:
        return [_hours(question)]
    edges = [(start, end) for start, end in ((question.start, first), (last, question.end)) if start < end]
    return [_lines(question, _HOURS, _HOURS.hour, _within(_HOURS.hour, start, end)) for start, end in edges]


def _days_of(question: Question) -> tuple[datetime, datetime]:
    """The midnights between which there are only whole days."""
    first, last = (moment.astimezone(UTC).replace(hour=0) for moment in (question.start, question.end))
    return first if first == question.start else first + _DAY, last


def _within(column: ColumnElement[datetime], start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(column >= start, column < end)


def _lines(
    question: Question,
    table: Columns,
    at: ColumnElement[datetime],
    when: ColumnElement[bool],
) -> Select[*tuple[Any, ...]]:
    named: list[ColumnElement[Any]] = []
    if question.bucket != "none":
        named.append(at if question.bucket == "hour" else func.date_trunc("day", at, "UTC"))
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


def _page(question: Question, found: CTE) -> Subquery:
    places = [found.c[f"by_{number}"] for number in range(len(question.names))]
    page = select(found).where(found.c.requests.is_not(None)).order_by(*places).limit(question.limit + 1)
    if question.after is not None and places:
        before = (literal(_value(question, number, value)) for number, value in enumerate(question.after))
        page = page.where(tuple_(*places) > tuple_(*before))
    return page.subquery()


def _value(question: Question, number: int, value: str) -> datetime | str:
    return datetime.fromisoformat(value) if question.names[number] == START else value
