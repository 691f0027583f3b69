"""Whether the books agree: what is found wrong, as sentences. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from benchmarks.ledger_faults.books import Balance, Books, Call, Cell, Row, Sum
from benchmarks.ledger_faults.plan import DEPLOYMENTS, MOST_TOKENS, PROMPT_CHARACTERS, price

CACHE_HIT = "cache_hit"
UNSENT = frozenset({"cancelled", "failed", "interrupted"})
"""Statuses of a row without a call: it was entered, and its caller, the broker or the worker gone before its first byte
arrived."""
_EXAMPLES = 5
_CHARACTERS_OF_A_TOKEN = 9
"""The simulator's longest: eight letters and the space before them."""
_ESTIMATED_INPUT = -(-PROMPT_CHARACTERS // 4)


def audit(books: Books) -> list[str]:
    """Every finding; none where all books agree."""
    rows = [row for row in books.rows if row.status != CACHE_HIT]
    calls = {call.key: call for call in books.calls}
    return [
        *_told("calls made twice under one key", _repeated(call.key for call in books.calls)),
        *_told("calls with more than one row", _repeated(row.key for row in rows)),
        *_told("calls without a row", calls.keys() - {row.key for row in rows}),
        *_told("rows that no call explains", (_named(row) for row in rows if not _explained(row, calls))),
        *_told("rows that say what the call did not", (_named(row) for row in rows if not _true(row, calls))),
        *_told("rows at another price", (_named(row) for row in books.rows if not _priced(row))),
        *_sums(books),
        *(finding for balance in books.balances for finding in _balance(balance, books.rows)),
        *_told("requests that count as open for ever", books.open_requests),
        *([f"{books.dead_letters} dead letters"] if books.dead_letters else []),
    ]


def summed(rows: Iterable[Row]) -> dict[Cell, Sum]:
    """Rows by day, tenant and model. An unknown cost counts as none."""
    found: dict[Cell, Sum] = defaultdict(lambda: Sum(0, 0, 0, Decimal(0)))
    for row in rows:
        one = found[row.cell]
        found[row.cell] = Sum(
            one.calls + (row.status != CACHE_HIT),
            one.inputs + row.input_tokens,
            one.outputs + row.output_tokens,
            one.cost + (row.cost or 0),
        )
    return dict(found)


def unsent(books: Books) -> list[Row]:
    """Rows of calls that never arrived at the simulator."""
    arrived = {call.key for call in books.calls}
    return [row for row in books.rows if row.status != CACHE_HIT and row.key not in arrived]


def _explained(row: Row, calls: dict[str, Call]) -> bool:
    return row.key in calls or row.status in UNSENT


def _true(row: Row, calls: dict[str, Call]) -> bool:
    """Whether a row's tokens are what docs/usage.md says of its status and of what the provider reported."""
    call = calls.get(row.key)
    if row.estimated:
        return row.status != "completed" and _fair(row, call)
    if row.status == "completed":
        return call is not None and call.outcome == "completed" and row.tokens == call.tokens
    if row.tokens == (0, 0, 0, 0):
        # Refused, never reached, or stopped before it was sent.
        return call.outcome == "failed" if call is not None else row.status in {"failed", "cancelled"}
    # It was cancelled, or failed, after the provider had come to the end of its answer.
    return call is not None and row.tokens == call.tokens


def _fair(row: Row, call: Call | None) -> bool:
    """An estimate: the prompt as it was reported or by its length, and no more of the answer than there was."""
    reported = call.tokens if call is not None else None
    inputs = {_ESTIMATED_INPUT} | ({reported[0]} if reported else set())
    tokens = reported[2] if reported else MOST_TOKENS
    most = max(tokens, -(-_CHARACTERS_OF_A_TOKEN * tokens // 4))
    return row.input_tokens in inputs and 0 <= row.output_tokens <= (0 if row.status == "interrupted" else most)


def _priced(row: Row) -> bool:
    """By the run's own arithmetic from the row's tokens; what the cache answered cost nothing."""
    if row.status == CACHE_HIT:
        return row.cost == 0 and row.tokens == (0, 0, 0, 0)
    return row.cost == price(DEPLOYMENTS[row.deployment], *row.tokens)


def _sums(books: Books) -> Iterator[str]:
    ours = summed(books.rows)
    for source, theirs in books.sums.items():
        cells = sorted(cell for cell in ours.keys() | theirs.keys() if ours.get(cell) != theirs.get(cell))
        yield from _told(f"sums of {source} that are not the rows'", map(str, cells))


def _balance(balance: Balance, rows: Iterable[Row]) -> Iterator[str]:
    named = f"the budget of {balance.kind} {balance.subject} by {balance.period}"
    spent = sum((row.cost or Decimal(0) for row in rows if _counts_against(balance, row)), Decimal(0))
    if balance.spent != spent:
        yield f"{named} has spent {balance.spent}, and its rows cost {spent}"
    if balance.reserved:
        yield f"{named} has {balance.reserved} reserved"
    if balance.spent > balance.amount:
        yield f"{named} is overshot: {balance.spent} of {balance.amount}"


def _counts_against(balance: Balance, row: Row) -> bool:
    shared = {"day": 3, "month": 2, "total": 0}[balance.period]
    in_period = row.day.timetuple()[:shared] == balance.period_start.timetuple()[:shared]
    return in_period and _SUBJECTS[balance.kind](row) == balance.subject


_SUBJECTS: dict[str, Callable[[Row], str | None]] = {
    "organisation": lambda row: row.organisation,
    "tenant": lambda row: row.tenant,
    "key": lambda row: row.key_id,
}


def _repeated(keys: Iterable[str]) -> list[str]:
    return [key for key, count in Counter(keys).items() if count > 1]


def _named(row: Row) -> str:
    return f"{row.key} ({row.status} {row.error_code or ''}{', estimated' if row.estimated else ''}, {row.tokens})"


def _told(what: str, found: Iterable[str]) -> Iterator[str]:
    every = sorted(found)
    if every:
        more = f" and {len(every) - _EXAMPLES} more" if len(every) > _EXAMPLES else ""
        yield f"{len(every)} {what}: {'; '.join(every[:_EXAMPLES])}{more}"
