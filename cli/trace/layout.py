"""How the parts of a waterfall's lines share a terminal's width."""

from dataclasses import dataclass

from cli.trace.waterfall import Row, Waterfall

_BELOW = 112
"""Of terminals narrower than this, no column is left for notes: they stand below their span."""
_DEEP = 140
"""Narrower ones are indented by one character a level: a prompt's spans are some fifteen deep."""
_NARROWEST_BAR, _WIDEST_BAR = 16, 50
_NARROWEST_LABEL, _NARROWEST_NOTES = 24, 32
DURATION = 9
_GAPS = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """Widths in characters; `indent` is a level's. `notes` is where they begin; None: on lines of their own."""

    width: int
    indent: int
    label: int
    bar: int
    notes: int | None


def layout_of(width: int, waterfall: Waterfall) -> Layout:
    """The layout of this trace on a terminal of `width` characters."""
    indent = 1 if width < _DEEP else 2
    bar = max(_NARROWEST_BAR, min(_WIDEST_BAR, width // (4 if width < _BELOW else 5)))
    longest = max(_length(row, indent) for row in waterfall.rows)
    below = width < _BELOW
    room = width - bar - DURATION - (2 if below else _GAPS + _NARROWEST_NOTES)
    label = max(min(longest, room), _NARROWEST_LABEL)
    return Layout(width, indent, label, bar, None if below else label + bar + DURATION + _GAPS)


def duration(milliseconds: float) -> str:
    """Milliseconds with a digit, from ten seconds on seconds with two: nine characters."""
    return f"{milliseconds:.1f} ms" if milliseconds < 9999.95 else f"{milliseconds / 1000:.2f} s"


def _length(row: Row, indent: int) -> int:
    events = [len(name_of(event)) + 2 + indent for _, event in row.events]
    return indent * row.depth + max(len(row.stage) + 1 + len(row.what) + 2 * row.orphan, *events, 0)


def name_of(event: str) -> str:
    """An event's name; what it says stands behind a space."""
    return event.partition(" ")[0]
