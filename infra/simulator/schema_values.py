"""Strings and numbers for a JSON schema that is of one of these types."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from infra.simulator.patterns import matching
from infra.simulator.schema_merge import count, number, unsatisfiable
from infra.simulator.words import Draw

_SPAN = 100
_TRIES = 1000
_NO_LIMIT = 2**31
_MAX_LENGTH = 100_000


def text_for(schema: Mapping[str, Any], draw: Draw) -> str:
    """A string: of its `format`, found by its `pattern`, or a word or two of `minLength` to `maxLength` characters."""
    low, high = count(schema, "minLength", 0), count(schema, "maxLength", _NO_LIMIT)
    if low > min(high, _MAX_LENGTH):
        raise unsatisfiable(f"a string of {low} characters is too long")
    if isinstance(pattern := schema.get("pattern"), str):
        found = matching(pattern, draw, low, high)
        if found is None:
            raise unsatisfiable(f"no string was found for the pattern {pattern!r:.80}")
        return found
    if (form := _FORMATS.get(str(schema.get("format")))) is not None:
        return form(draw)
    text = draw.word() if draw.below(2) else f"{draw.word()} {draw.word()}"
    while len(text) < low:
        text = f"{text} {draw.word()}"
    # Cut to its limit, a text may end in the space between two words.
    return text[:high].rstrip().ljust(low, "s")


def number_for(schema: Mapping[str, Any], draw: Draw, *, whole: bool) -> float:
    """A number within its bounds, an int where `whole`, and a multiple of `multipleOf`."""
    bounds = _Bounds.of(schema)
    step = number(schema, "multipleOf")
    if step is not None and step > 0:
        return _multiple(bounds, draw, step, whole=whole)
    if not whole:
        return _fraction(bounds, draw)
    low, high = bounds.whole()
    if low > high:
        raise unsatisfiable("no integer lies between its bounds")
    return low + draw.below(high - low + 1)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """`low` and `high` are allowed values, `over` and `under` are not; None is no bound."""

    low: float | None
    high: float | None
    over: float | None
    under: float | None

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> "_Bounds":
        keywords = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        return cls(*(number(schema, keyword) for keyword in keywords))

    def whole(self) -> tuple[int, int]:
        """The least and the greatest whole number that are allowed."""
        lows = [] if self.low is None else [math.ceil(self.low)]
        highs = [] if self.high is None else [math.floor(self.high)]
        lows += [] if self.over is None else [math.floor(self.over) + 1]
        highs += [] if self.under is None else [math.ceil(self.under) - 1]
        low, high = _spanned(max(lows, default=None), min(highs, default=None))
        return int(low), int(high)

    def ends(self) -> tuple[float, float]:
        """The numbers between which every allowed one lies, the ends themselves allowed or not."""
        lows = [bound for bound in (self.low, self.over) if bound is not None]
        highs = [bound for bound in (self.high, self.under) if bound is not None]
        return _spanned(max(lows, default=None), min(highs, default=None))

    def allow(self, value: float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.over is None or value > self.over)
            and (self.under is None or value < self.under)
        )


def _spanned(low: float | None, high: float | None) -> tuple[float, float]:
    """Both ends of a range, where one or both are open."""
    if low is None:
        return (0, _SPAN) if high is None or high >= _SPAN else (high - _SPAN, high)
    return low, low + _SPAN if high is None else high


def _fraction(bounds: _Bounds, draw: Draw) -> float:
    low, high = bounds.ends()
    exact = low + (high - low) * ((1 + draw.below(98)) / 99)
    for value in (round(exact, 2), exact, low, high):
        if bounds.allow(value):
            return float(value)
    raise unsatisfiable("no number lies between its bounds")


def _multiple(bounds: _Bounds, draw: Draw, step: float, *, whole: bool) -> float:
    exact = Decimal(str(step))
    low, high = bounds.whole() if whole else bounds.ends()
    first, last = math.ceil(Decimal(str(low)) / exact), math.floor(Decimal(str(high)) / exact)
    candidates = last - first + 1
    offset = draw.below(candidates) if candidates > 0 else 0
    for tried in range(min(candidates, _TRIES)):
        product = exact * (first + (offset + tried) % candidates)
        value = int(product) if product == int(product) else float(product)
        # 0.3 / 0.1 is 2.9999999999999996: a multiple is one that the division of floats agrees to.
        agreed = isinstance(value, int) if whole else (value / step).is_integer()
        if agreed and bounds.allow(value):
            return value
    raise unsatisfiable(f"no multiple of {step} lies between its bounds")


def _date(draw: Draw) -> str:
    return f"{2000 + draw.below(30)}-{1 + draw.below(12):02}-{1 + draw.below(28):02}"


def _time(draw: Draw) -> str:
    return f"{draw.below(24):02}:{draw.below(60):02}:{draw.below(60):02}Z"


def _uuid(draw: Draw) -> str:
    digits = f"{draw.below(2**128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _address(draw: Draw) -> str:
    return f"https://{draw.word()}.example/{draw.word()}"


_FORMATS: Mapping[str, Callable[[Draw], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda draw: f"{_date(draw)}T{_time(draw)}",
    "duration": lambda draw: f"PT{1 + draw.below(59)}M",
    "email": lambda draw: f"{draw.word()}@{draw.word()}.example",
    "hostname": lambda draw: f"{draw.word()}.example",
    "uri": _address,
    "url": _address,
    "uri-reference": _address,
    "ipv4": lambda draw: f"192.0.2.{draw.below(256)}",
    "ipv6": lambda draw: f"2001:db8::{1 + draw.below(9999):x}",
    "uuid": _uuid,
}
