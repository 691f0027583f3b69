"""Waiting for what must come about, with a deadline instead of a fixed sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
What = str | Callable[[], object]
_POLL = 0.01
_NOTHING: What = "it did not come about"


@overload
async def eventually(
    predicate: Callable[[], Awaitable[T | None]], *, within: float = 20.0, what: What = _NOTHING
) -> T: ...
@overload
async def eventually(predicate: Callable[[], T | None], *, within: float = 20.0, what: What = _NOTHING) -> T: ...
async def eventually(predicate: Callable[[], Any], *, within: float = 20.0, what: What = _NOTHING) -> Any:
    """Ask until the answer is truthy, and return it.

    Raises `AssertionError` after `within` seconds, saying `what` and the last answer.
    """
    deadline = time.monotonic() + within
    while True:
        found = predicate()
        answer = await found if inspect.isawaitable(found) else found
        if answer:
            return answer
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"{said} within {within:g} s; the last answer was {answer!r}")
        await asyncio.sleep(_POLL)
