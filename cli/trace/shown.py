"""A waterfall as lines of a terminal: a bar for each span, and before it, lighter, the wait of its message."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.trace.waterfall import Row, Waterfall

_NARROWEST, _WIDEST = 20, 60
_BAR, _WAIT, _POINT, _MOMENT = "█", "░", "▏", "◆"
_COLOURS = {"api": "cyan", "provider": "magenta", "retrieval": "green", "ledger": "yellow"}


def show(console: Console, waterfall: Waterfall) -> None:
    """Print it."""
    console.print(headline(waterfall))
    width = max(_NARROWEST, min(_WIDEST, console.width // 3))
    table = Table(box=None, pad_edge=False, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(2 * console.width // 5, 30))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for row in waterfall.rows:
        table.add_row(
            _label(row), bar(row, waterfall.milliseconds, width), f"{row.end - row.start:.1f} ms", _notes(row)
        )
        for at, event in row.events:
            name, _, said = event.partition(" ")
            table.add_row(
                Text(f"{'  ' * (row.depth + 1)}· {name}", style="dim"), _moment(at, waterfall, width), "", said
            )
    console.print(table)
    for link in waterfall.links:
        console.print(f"linked to trace {link}", highlight=False)
    for missing in waterfall.missing:
        console.print(f"not whole: {missing}", style="yellow", highlight=False)


def headline(waterfall: Waterfall) -> Text:
    """What it is, and what it came to."""
    line = Text(f"trace {waterfall.trace_id}", style="bold")
    parts = [f"request {each}" for each in waterfall.request_ids[:3]]
    if waterfall.tenant:
        parts.append(f"tenant {waterfall.tenant}")
    queued = sum(row.waited for row in waterfall.rows)
    parts += [f"{waterfall.milliseconds:.1f} ms", f"{len(waterfall.rows)} spans", f"{queued:.1f} ms in queues"]
    if waterfall.cost_usd is not None:
        parts.append(f"${waterfall.cost_usd:.6f}")
    return line.append("  " + "  ".join(parts), style="not bold")


def bar(row: Row, total: float, width: int) -> Text:
    """The span's place in the whole, `width` characters wide. What is too short for one has a thin one."""
    scale = width / total if total else 0.0
    queued, start, end = (round(at * scale) for at in (row.start - row.waited, row.start, row.end))
    queued, start = min(queued, width - 1), min(start, width - 1)
    length = max(min(end, width) - start, 0)
    colour = "red" if row.error else _COLOURS.get(row.stage, "blue")
    text = Text(" " * queued + _WAIT * (start - queued), style="dim")
    text.append(_BAR * length or _POINT, style=f"not dim {colour}")
    return text.append(" " * (width - len(text)))


def _moment(at: float, waterfall: Waterfall, width: int) -> Text:
    place = round(at / waterfall.milliseconds * width) if waterfall.milliseconds else 0
    return Text(" " * min(place, width - 1) + _MOMENT, style="dim")


def _label(row: Row) -> Text:
    text = Text("  " * row.depth)
    if row.orphan:
        text.append("⁇ ", style="yellow")
    return text.append(f"{row.stage} ", style=_COLOURS.get(row.stage, "blue")).append(row.what)


def _notes(row: Row) -> Text:
    said = list(row.notes)
    if row.waited >= 0.05:
        said.insert(0, f"waited {row.waited:.1f} ms")
    text = Text("  ".join(said), style="dim")
    if row.error:
        text.append(f"{'  ' if said else ''}{row.error}", style="not dim red")
    return text
