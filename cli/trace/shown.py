"""A waterfall as lines of a terminal: a bar for each span, and before it, lighter, the wait of its message."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from cli.trace.layout import DURATION, Layout, duration, layout_of, name_of
from cli.trace.waterfall import Row, Waterfall

_BAR, _WAIT, _POINT, _MOMENT = "█", "░", "▏", "◆"
_COLOURS = {"api": "cyan", "provider": "magenta", "retrieval": "green", "ledger": "yellow"}
_MOST = 20
"""Traces that are named of those that were begun in the name of one."""
_TOLD_WAIT = 1.0
"""Milliseconds. Shorter waits are in the sum of the first line, and in --json."""


def show(console: Console, waterfall: Waterfall) -> None:
    """Print it, as wide as the console is."""
    console.print(headline(waterfall))
    layout = layout_of(console.width, waterfall)
    for row in waterfall.rows:
        for line in _lines(console, row, waterfall.milliseconds, layout):
            line.rstrip()
            console.print(line, soft_wrap=True, highlight=False)
    for link in waterfall.links:
        console.print(f"linked to trace {link}", highlight=False)
    if waterfall.within:
        console.print(f"{len(waterfall.within)} traces were begun in its name:", highlight=False)
    for each in waterfall.within[:_MOST]:
        console.print(f"  {each}", highlight=False)
    if len(waterfall.within) > _MOST:
        console.print(f"  and {len(waterfall.within) - _MOST} more", highlight=False)
    for missing in waterfall.missing:
        console.print(f"not whole: {missing}", style="yellow", highlight=False)


def headline(waterfall: Waterfall) -> Text:
    """What it is, and what it came to."""
    line = Text(f"trace {waterfall.trace_id}", style="bold")
    parts = [f"request {each}" for each in waterfall.request_ids[:3]]
    if waterfall.tenant:
        parts.append(f"tenant {waterfall.tenant}")
    queued = sum(row.waited for row in waterfall.rows)
    parts += [f"{duration(waterfall.milliseconds)}", f"{len(waterfall.rows)} spans", f"{duration(queued)} in queues"]
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


def _lines(console: Console, row: Row, total: float, layout: Layout) -> Iterator[Text]:
    """A span's lines, then those of its events."""
    lasted = duration(row.end - row.start).rjust(DURATION)
    first = _beside(_label(row, layout), bar(row, total, layout.bar), Text(lasted), layout)
    yield from _with_notes(console, first, _notes(row), layout, row.depth)
    for at, event in row.events:
        name = name_of(event)
        label = Text(f"{' ' * layout.indent * (row.depth + 1)}· {name}", style="dim")
        moment = _beside(label, _moment(at, total, layout.bar), Text(" " * DURATION), layout)
        said = Text(event[len(name) + 1 :], style="dim")
        yield from _with_notes(console, moment, [said] if said else [], layout, row.depth + 1)


def _beside(label: Text, drawn: Text, lasted: Text, layout: Layout) -> Text:
    label.truncate(layout.label, overflow="ellipsis", pad=True)
    return Text(" ").join((label, drawn, lasted))


def _with_notes(console: Console, line: Text, notes: list[Text], layout: Layout, depth: int) -> Iterator[Text]:
    """Notes are broken between words, and go on where they began."""
    if layout.notes is None:
        yield line
        margin = layout.indent * depth + 3
        wrapped = [part for note in notes for part in note.wrap(console, layout.width - margin, overflow="fold")]
    else:
        margin = layout.notes
        wrapped = list(_in_column(console, notes, layout.width - margin))
        start = Text(" " * (margin - len(line)))
        yield Text.assemble(line, start, wrapped.pop(0)) if wrapped else line
    for part in wrapped:
        yield Text.assemble(" " * margin, part)


def _in_column(console: Console, notes: list[Text], width: int) -> Iterator[Text]:
    joined = Text("  ").join(notes)
    for note in [joined] if len(joined) <= width else notes:
        yield from note.wrap(console, width, overflow="fold")


def _moment(at: float, total: float, width: int) -> Text:
    place = min(round(at / total * width), width - 1) if total else 0
    return Text((" " * place + _MOMENT).ljust(width), style="dim")


def _label(row: Row, layout: Layout) -> Text:
    text = Text(" " * layout.indent * row.depth)
    if row.orphan:
        text.append("⁇ ", style="yellow")
    return text.append(f"{row.stage} ", style=_COLOURS.get(row.stage, "blue")).append(row.what)


def _notes(row: Row) -> list[Text]:
    """What there is to say, and behind it what went wrong."""
    said = list(row.notes)
    if row.waited >= _TOLD_WAIT:
        said.insert(0, f"waited {duration(row.waited)}")
    found = [Text("  ".join(said), style="dim")] if said else []
    return [*found, Text(row.error, style="red")] if row.error else found
