"""What came of a run, as a table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from benchmarks.ledger_faults.audit import CACHE_HIT, summed, unsent
from benchmarks.ledger_faults.books import Books, Row
from benchmarks.machine import describe


@dataclass(frozen=True, slots=True)
class Told:
    """What callers got, what was killed, how long it took, what is written down, and what is wrong with that."""

    ends: Mapping[str, int]
    killed: Mapping[str, int]
    seconds: float
    books: Books
    findings: list[str]


def markdown(told: Told) -> str:
    """The report."""
    lines = {**_asked(told), **_written(told.books), **describe()}
    table = [f"| {name} | {value} |" for name, value in lines.items()]
    return "\n".join(["| | |", "|---|---|", *table, "", *(told.findings or ["All books agree."])])


def counts(counted: Mapping[str, int]) -> str:
    """The most first."""
    return (
        ", ".join(f"{count:,} {name}" for name, count in sorted(counted.items(), key=lambda item: -item[1])) or "none"
    )


def _asked(told: Told) -> dict[str, str]:
    return {
        "requests": f"{sum(told.ends.values()):,} in {told.seconds:.0f} s",
        "their ends": counts(told.ends),
        "killed": counts(told.killed),
    }


def _written(books: Books) -> dict[str, str]:
    rows = [row for row in books.rows if row.status != CACHE_HIT]
    missing, estimated = unsent(books), [row for row in rows if row.estimated]
    ends = counts(Counter(call.outcome for call in books.calls))
    return {
        "calls, as the simulator counts": f"{len(books.calls):,}: {ends}",
        "rows of calls": f"{len(rows):,}: {counts(Counter(row.status for row in rows))}",
        "rows whose call never arrived": f"{len(missing)}: {counts(Counter(_why(row) for row in missing))}",
        "rows of cached answers": f"{len(books.rows) - len(rows):,}",
        "cost": f"${_cost(rows)}, in {len(summed(books.rows)):,} sums by day, tenant and model",
        "of it estimated": f"${_cost(estimated)} in {len(estimated):,} rows",
        "budgets": ", ".join(f"{one.subject} by {one.period} {one.spent} of {one.amount}" for one in books.balances),
    }


def _cost(rows: Iterable[Row]) -> Decimal:
    return sum((row.cost or Decimal(0) for row in rows), Decimal(0))


def _why(row: Row) -> str:
    billed = "the prompt, estimated" if row.estimated else "nothing"
    return f"{row.status} ({row.error_code}), billed {billed}"
