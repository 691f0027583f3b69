"""Spans of time as people write them: 30m, 24h, 7d. Pure."""

import re
from datetime import timedelta

from infra.access.transaction import refused

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"([0-9]{1,6})([smhd])")


def span_of(written: str, what: str) -> timedelta:
    """Raises `PenstockError` (`invalid_request`), which says `what` it was to be."""
    found = _SPAN.fullmatch(written)
    if found is None:
        raise refused(f"{what}: a span of time is a number and s, m, h or d, as in 24h", what)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
