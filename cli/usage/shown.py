"""A report in a terminal: a table, and a bar for what a row cost. Pure, but for what Rich prints."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

Row = Mapping[str, Any]
BAR, SHORT_BAR = 24, 8
"""Characters of the longest bar, and of that in a terminal of less than WIDE."""
WIDE = 110
_EIGHTHS = " ▏▎▍▌▋▊▉"
_COUNTS = ("requests", "calls", "cache_hits", "failed", "input_tokens", "output_tokens")
_MONEY = {"cost_usd": "cost $", "saved_usd": "saved $"}
_RARE = frozenset({"cache_hits", "failed", "saved_usd"})
_TITLES = {"cache_hits": "hits", "input_tokens": "tokens in", "output_tokens": "out"}


def bar(value: Decimal, largest: Decimal, width: int = BAR) -> str:
    """`width` characters for the largest value, in eighths of one; nothing for 0, at least an eighth for the rest."""
    if value <= 0 or largest <= 0:
        return ""
    eighths = max(1, round(value / largest * width * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def dollars(amount: str) -> str:
    """To a hundredth of a cent, and exact below that."""
    value = Decimal(amount)
    return f"{value:,.4f}" if value == 0 or value >= Decimal("0.0001") else f"{value.normalize():f}"


def measure_of(rows: Sequence[Row]) -> str:
    """What the bars show: dollars, where there are any; else requests."""
    return "cost_usd" if any(Decimal(row["cost_usd"]) for row in rows) else "requests"


def table(names: Sequence[str], rows: Sequence[Row], total: Row, bucket: str, width: int = BAR) -> "RenderableType":
    """One line a row, one for what all sum up to; `width` is that of the longest bar. What is 0 all over is left out.

    With a short bar the rest is short as well: 80 characters have room for a usual report.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(*names, show_footer=len(rows) > 1)
    if width < BAR:
        shown.box, shown.pad_edge, shown.collapse_padding, shown.padding = SIMPLE_HEAD, False, True, (0, 1)
    for column in shown.columns:
        column.no_wrap = True
    for column in shown.columns[:1]:
        column.footer = "total"
    wide = _COUNTS if width >= BAR else [name for name in _COUNTS if name != "calls"]
    counts = [name for name in wide if total[name] or name not in _RARE]
    spent = [name for name in _MONEY if Decimal(total[name]) or name not in _RARE]
    for name in counts:
        title = _TITLES.get(name, name) if width >= BAR else _TITLES.get(name, name).removeprefix("tokens ")
        shown.add_column(title, f"{total[name]:,}", justify="right", no_wrap=True)
    for name in spent:
        shown.add_column(_MONEY[name], dollars(total[name]), justify="right", no_wrap=True)
    measure = measure_of(rows)
    shown.add_column(f"by {_TITLES.get(measure, measure.removesuffix('_usd'))}", min_width=width)
    largest = max((Decimal(row[measure]) for row in rows), default=Decimal())
    for row in rows:
        shown.add_row(
            *(Text(place(name, row[name], hours=bucket == "hour")) for name in names),
            *(f"{row[name]:,}" for name in counts),
            *(dollars(row[name]) for name in spent),
            Text(bar(Decimal(row[measure]), largest, width), style="cyan"),
        )
    return shown


def place(name: str, value: str | None, *, hours: bool) -> str:
    """A row's name for people: days without their midnight, hours to the minute."""
    if value is None:
        return "(none)"
    if name != "start":
        return value
    return value[: len("2026-11-23T15:00")].replace("T", " ") if hours else value[: len("2026-11-23")]


def notes(total: Row) -> list[str]:
    """What a reader of the sums has to know: costs that are estimates or that nobody knows, and time that was saved."""
    told = []
    if total["estimated"]:
        told.append(f"{total['estimated']:,} of {total['calls']:,} calls are estimates: their providers reported less.")
    if total["unpriced"]:
        told.append(f"{total['unpriced']:,} calls have no known price: their cost is not in the sum.")
    if seconds := total.get("saved_seconds"):
        told.append(f"The cache's answers came {seconds:,.1f} s sooner, all together, than when they were made.")
    return told
