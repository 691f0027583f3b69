"""Waiting in tests that are not asynchronous; those that are have `tests.support.waiting`."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_POLL = 0.02


def until(found: Callable[[], T | None], what: str, within: float = 30.0) -> T:
    """What `found` returns, once that is something. Fails after `within` seconds, saying `what` was waited for."""
    deadline = time.monotonic() + within
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(_POLL)
    return value
