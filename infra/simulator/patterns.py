"""Strings that match a regular expression, for the `pattern` of a JSON schema."""

import re
from collections.abc import Iterable, Sequence
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from infra.simulator.words import Draw

_TRIES = 64
_MAX_EXTRA = 64
_FREE = "abcdefghijklmnopqrstuvwxyz0123456789"
_PRINTABLE = "".join(map(chr, range(32, 127)))
_CLASSES = {
    kinds.CATEGORY_DIGIT: "0123456789",
    kinds.CATEGORY_SPACE: " ",
    kinds.CATEGORY_WORD: _FREE,
    kinds.CATEGORY_NOT_DIGIT: "abcdef",
    kinds.CATEGORY_NOT_SPACE: _FREE,
    kinds.CATEGORY_NOT_WORD: " -.",
}


def matching(pattern: str, draw: Draw, low: int, high: int) -> str | None:
    """A string of `low` to `high` characters in which the pattern is found; None when none comes up in some tries.

    The standard library's own parser takes the pattern apart. Look-around is left to chance: a string is drawn without
    it and kept when it fits.
    """
    try:
        parsed, compiled = parser.parse(pattern), re.compile(pattern)
    except (re.error, OverflowError):
        return None
    for attempt in range(_TRIES):
        # Later tries repeat more, for a string that is too short.
        writer = _Writer(draw, extra=attempt % 4 + min(_MAX_EXTRA, max(0, low - attempt)))
        text = writer.write(parsed)
        if low <= len(text) <= high and compiled.search(text):
            return text
    return None


class _Writer:
    """One string for one parsed pattern; `extra` is how much oftener than it must an open repetition repeats."""

    def __init__(self, draw: Draw, extra: int) -> None:
        self._draw = draw
        self._extra = extra
        self._groups: dict[int | None, str] = {}

    def write(self, nodes: Iterable[tuple[Any, Any]]) -> str:
        return "".join(self._node(kind, value) for kind, value in nodes)

    def _node(self, kind: object, value: Any) -> str:  # noqa: ANN401  # the parser's values are of any shape
        text = ""
        if kind is kinds.LITERAL:
            text = chr(value)
        elif kind in (kinds.ANY, kinds.NOT_LITERAL, kinds.IN):
            text = self._draw.pick(_letters(kind, value))
        elif kind is kinds.BRANCH:
            text = self.write(self._draw.pick(value[1]))
        elif kind is kinds.SUBPATTERN:
            text = self._groups[value[0]] = self.write(value[3])
        elif kind is kinds.GROUPREF:
            text = self._groups.get(value, "")
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            low, high, inside = value
            text = "".join(self.write(inside) for _ in range(self._times(low, high)))
        elif kind is kinds.ATOMIC_GROUP:
            text = self.write(value)
        return text

    def _times(self, low: int, high: Any) -> int:  # noqa: ANN401  # a whole number or the parser's MAXREPEAT
        most = low + self._extra if high is kinds.MAXREPEAT else min(int(high), low + self._extra)
        return low + self._draw.below(most - low + 1)


def _letters(kind: object, value: Any) -> Sequence[str]:  # noqa: ANN401
    if kind is kinds.ANY:
        return _FREE
    if kind is kinds.NOT_LITERAL:
        return [letter for letter in _FREE if ord(letter) != value]
    negated = value[0][0] is kinds.NEGATE
    named: list[str] = []
    for inner, what in value[1:] if negated else value:
        if inner is kinds.LITERAL:
            named.append(chr(what))
        elif inner is kinds.RANGE:
            named.extend(map(chr, range(what[0], min(what[1], what[0] + 127) + 1)))
        elif inner is kinds.CATEGORY:
            named.extend(_CLASSES[what])
    if not negated:
        return named
    return [letter for letter in _FREE + _PRINTABLE if letter not in named] or [" "]
