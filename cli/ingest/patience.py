"""Requests that are made again: a platform that is busy says when, one that restarts is back in a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from openai import APIStatusError

T = TypeVar("T")
_BUSY = frozenset({429, 503})
TRIES = 6
_FIRST, _LONGEST = 0.5, 30.0
"""Seconds between two tries, doubled each time."""


async def patiently(
    request: Callable[[], Awaitable[T]],
    tell: Callable[[str], None],
    tries: int = TRIES,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """What a request answers. For 429 and 503 it waits as long as it is told to, however often; a broken connection and
    a failure of the platform are met by so many `tries`. `tell` hears what is waited for, and «» when it is over.
    """
    import openai

    for number in count(1):
        try:
            answer = await request()
        except openai.APIStatusError as error:
            if error.status_code not in _BUSY and (error.status_code < 500 or number >= tries):
                raise
            tell("the platform is busy" if error.status_code in _BUSY else "the platform failed")
            await sleep(_asked(error) or _growing(number))
        except openai.APIConnectionError:
            if number >= tries:
                raise
            tell("the connection broke")
            await sleep(_growing(number))
        else:
            tell("")
            return answer
    raise AssertionError("count() ends")


def _growing(number: int) -> float:
    return min(_FIRST * 2.0 ** (number - 1), _LONGEST)


def _asked(error: "APIStatusError") -> float | None:
    """Seconds, by its `Retry-After`; None where it has none that is a number."""
    try:
        return max(0.0, min(float(error.response.headers["retry-after"]), 600.0))
    except (KeyError, ValueError):
        return None
