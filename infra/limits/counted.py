"""What is asked of the windows of limits, and what they answer.

Requests and tokens of one thing are on one counter, as one number: an increment counts both, and its ack tells both.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_TOKENS = 24
"""Tokens begin at this bit: below are the requests of five seconds, at most eight million of them."""
_HALF = 1 << (_TOKENS - 1)
_REMEMBERED = 4096


class Kind(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    TOKENS = "tokens"


def packed(kind: Kind, amount: int) -> int:
    """The number that adds so much of a kind to a counter."""
    return amount << _TOKENS if kind is Kind.TOKENS else amount


def unpacked(kind: Kind, value: int) -> int:
    """How much of a kind a counter holds; either may be below zero."""
    requests = (value + _HALF) % (2 * _HALF) - _HALF
    return (value - requests) >> _TOKENS if kind is Kind.TOKENS else requests


@lru_cache(_REMEMBERED)
def counter_name(kind: str, subject: str) -> str:
    """The name of the counter of any kind of anything: it may have dots, spaces and slashes in it."""
    return f"{kind}.{hashlib.sha256(subject.encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class Asked:
    """`amount` of a kind is to pass a window of the counter `name` that lets `limit` through."""

    name: str
    kind: Kind
    amount: int
    limit: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a window still has room for, and in how many seconds it is empty if nobody asks."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What was counted, `packed`, on the counter of which bucket. `repeated`: by an earlier delivery of the message."""

    subject: str
    amount: int
    message_id: str | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """All of it is counted: an entry for each counter, in the order in which they were named first. `look_up` finds out
    a standing for each that was asked: nobody has to wait for that.
    """

    entries: tuple[Entry, ...]
    look_up: Callable[[], tuple[Standing, ...]]

    @property
    def standings(self) -> tuple[Standing, ...]:
        """In the order in which it was asked."""
        return self.look_up()


@dataclass(frozen=True, slots=True)
class Full:
    """Nothing is counted. `seconds` until it would fit; `refused` says which windows have no room, by their place in
    what was asked; of those that were not looked at no standing is known.
    """

    seconds: float
    refused: frozenset[int]
    standings: tuple[Standing | None, ...]
