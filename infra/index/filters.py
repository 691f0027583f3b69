"""From a filter to a condition in SQL. Keys and values are parameters, whatever stands in them. Pure."""

import json
import re
from dataclasses import dataclass
from typing import LiteralString

from psycopg.sql import SQL, Composable

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Comparison, Compound, Filter, Operator, Scalar
from infra.index.transaction import STAGE

_DEPTH, _COMPARISONS = 16, 256
_ORDER: dict[Operator, LiteralString] = {
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}
_ESCAPED_NULL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL over `d.attributes` that is true or false, its parameters in their order, and how many comparisons it has."""

    sql: Composable
    parameters: tuple[str | list[str], ...] = ()
    comparisons: int = 1


def condition_of(wanted: Filter) -> Condition:
    """The condition that a filter is. Raises `PenstockError` (`invalid_request`) for one too deep or too long, or with
    a value that no attribute can have.
    """
    condition = _compile(wanted, _DEPTH)
    if condition.comparisons > _COMPARISONS:
        raise _invalid(f"a filter can have {_COMPARISONS} comparisons, and not {condition.comparisons}")
    return condition


def as_json(value: object) -> str:
    """As `jsonb` takes it. Raises `PenstockError` (`invalid_request`) for what PostgreSQL can't hold."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (ValueError, TypeError):  # also UnicodeEncodeError: half a surrogate pair
        raise _invalid("an attribute is a text, a finite number or a boolean") from None
    if _ESCAPED_NULL.search(written):
        raise _invalid("an attribute can't hold the character U+0000")
    return written


def _compile(wanted: Filter, depth: int) -> Condition:
    if not depth:
        raise _invalid(f"a filter can be nested {_DEPTH} deep, and no deeper")
    if isinstance(wanted, Comparison):
        return _compare(wanted)
    parts = [_compile(part, depth - 1) for part in wanted.filters]
    return _combine(wanted, parts)


def _combine(wanted: Compound, parts: list[Condition]) -> Condition:
    everything = wanted.junction == "and"
    if not parts:
        return Condition(SQL("TRUE" if everything else "FALSE"))
    return Condition(
        SQL("({})").format(SQL(" AND " if everything else " OR ").join(part.sql for part in parts)),
        tuple(parameter for part in parts for parameter in part.parameters),
        sum(part.comparisons for part in parts),
    )


def _compare(wanted: Comparison) -> Condition:
    as_json(wanted.key)
    if wanted.operator in {"in", "nin"}:
        return _negated(_among(wanted.key, _several(wanted)), wanted.operator == "nin")
    if wanted.operator in {"eq", "ne"}:
        pair = as_json({wanted.key: _one(wanted)})
        return _negated(Condition(SQL("d.attributes @> %s::jsonb"), (pair,)), wanted.operator == "ne")
    return _ordered(wanted.key, _ORDER[wanted.operator], _one(wanted))


def _among(key: str, values: tuple[Scalar, ...]) -> Condition:
    found = SQL("coalesce(d.attributes -> %s::text = ANY(%s::jsonb[]), FALSE)")
    return Condition(found, (key, [as_json(value) for value in values]))


def _ordered(key: str, operator: LiteralString, value: Scalar) -> Condition:
    """Text by code points, whatever the database's own order of text. PostgreSQL would order different types too: that
    a number is above each text helps nobody.
    """
    written = as_json(value)
    if isinstance(value, bool):
        return Condition(SQL("FALSE"))
    if isinstance(value, str):
        own, bound, parameter = SQL('(d.attributes ->> %s::text) COLLATE "C"'), SQL("%s::text"), value
    else:
        own, bound, parameter = SQL("d.attributes -> %s::text"), SQL("%s::jsonb"), written
    same_type = SQL("coalesce(jsonb_typeof(d.attributes -> %s::text) = jsonb_typeof(%s::jsonb), FALSE)")
    compared = SQL("{} " + operator + " {}").format(own, bound)
    return Condition(SQL("({} AND {})").format(same_type, compared), (key, written, key, parameter))


def _negated(condition: Condition, negated: bool) -> Condition:
    return Condition(SQL("NOT {}").format(condition.sql), condition.parameters) if negated else condition


def _one(wanted: Comparison) -> Scalar:
    if isinstance(wanted.value, tuple):
        raise _invalid(f"`{wanted.operator}` compares with one value, and not with a list")
    return wanted.value


def _several(wanted: Comparison) -> tuple[Scalar, ...]:
    if not isinstance(wanted.value, tuple):
        raise _invalid(f"`{wanted.operator}` compares with a list of values")
    return wanted.value


def _invalid(message: str) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param="filters")
