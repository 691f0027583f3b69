"""A report as its reader gets it: JSON or CSV. Pure.

Dollars are decimal strings: they are exact, and no binary fraction is.
"""

import csv
import io
from decimal import Decimal
from typing import Any

from api.served import Json
from api.usage.asked import cursor_of
from infra.usage.question import COUNTS, START, TOKENS, Question
from infra.usage.report import Report, Sums, moment_of

MEASURES = (*COUNTS, *TOKENS, "cost_usd", "saved_usd", "saved_seconds", "mean_latency_ms", "mean_first_token_ms")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(question: Question, report: Report) -> Json:
    """The page, what it answers, and what all pages sum up to."""
    return {
        "object": "list",
        "start": moment_of(question.start),
        "end": moment_of(question.end),
        "bucket": question.bucket,
        "group_by": [name for name in question.names if name != START],
        "data": [{**_named(question, row), **_measured(row)} for row in report.rows],
        "total": _measured(report.total),
        "has_more": report.after is not None,
        "next_page": next_page(report),
    }


def as_csv(question: Question, report: Report) -> str:
    """The page, a line for each row, with names in the first (RFC 4180). What is not known is empty."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow((*question.names, *MEASURES))
    for row in report.rows:
        lines.writerow((*(_text(part) for part in row.place), *_measured(row).values()))
    return written.getvalue()


def next_page(report: Report) -> str | None:
    """What `after` is for the next page; None where there is none."""
    return None if report.after is None else cursor_of(report.after)


def _named(question: Question, row: Sums) -> Json:
    return {name: part or None for name, part in zip(question.names, row.place, strict=True)}


def _measured(row: Sums) -> dict[str, Any]:
    means = {"mean_latency_ms": row.mean_latency_ms, "mean_first_token_ms": row.mean_first_token_ms}
    saved = {"saved_usd": _dollars(row.saved_usd), "saved_seconds": row.saved_seconds}
    return {**row.counts, "cost_usd": _dollars(row.cost_usd), **saved, **means}


def _dollars(amount: Decimal) -> str:
    return f"{amount.normalize():f}" if amount else "0"


def _text(part: str) -> str:
    """A spreadsheet runs what begins like a formula, and a model's name may be the caller's own."""
    return f"'{part}" if part.startswith(_FORMULA) else part
