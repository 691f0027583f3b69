"""What is asked of the windows of limits, and what they answer.

Requests and tokens of one thing are on one counter, as one number: an increment counts both, and its ack tells both.
So does a third number: how many of the requests that are counted are places that a process has taken ahead and given
to nobody yet, as far as it has said so (`infra.limits.ahead`).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_TOKENS = 24
"""Tokens begin at this bit: below are the requests of five seconds, at most eight million of them."""
_PLACES = 72
"""Places taken ahead begin at this one: of tokens there are 140 million million at the most."""
_REMEMBERED = 4096


class Kind(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    TOKENS = "tokens"


def packed(kind: Kind, amount: int) -> int:
    """The number that adds so much of a kind to a counter."""
    return amount << _TOKENS if kind is Kind.TOKENS else amount


def packed_places(number: int) -> int:
    """The number that adds so many places taken ahead to a counter, beside the requests and tokens that they are."""
    return number << _PLACES


def unpacked(kind: Kind, value: int) -> int:
    """How much of a kind a counter holds; either may be below zero."""
    requests = _signed(value, _TOKENS)
    return _signed(value - requests, _PLACES) >> _TOKENS if kind is Kind.TOKENS else requests


def unpacked_places(value: int) -> int:
    """How many places a counter holds that were taken ahead."""
    return (value - _signed(value, _PLACES)) >> _PLACES


def _signed(value: int, bits: int) -> int:
    """The lowest bits, as a number that may be below zero."""
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half


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
