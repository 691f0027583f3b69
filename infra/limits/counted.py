"""What is asked of the windows of limits, and what they answer."""

import hashlib
from dataclasses import dataclass


def counter_name(kind: str, subject: str) -> str:
    """The name of the counter of `requests` or `tokens` of anything: it may have dots, spaces and slashes in it."""
    return f"{kind}.{hashlib.sha256(subject.encode()).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True)
class Asked:
    """`amount` is to pass a window of the counter `name` that lets `limit` through."""

    name: str
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
    """What was counted, on the counter of which bucket. `repeated`: by an earlier delivery of the same message."""

    subject: str
    amount: int
    message_id: str | None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """All of it is counted; `entries` and `standings` are in the order in which it was asked."""

    entries: tuple[Entry, ...]
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Full:
    """Nothing is counted. `seconds` until it would fit; `refused` says which windows have no room, by their place in
    what was asked; of those that were not looked at no standing is known.
    """

    seconds: float
    refused: frozenset[int]
    standings: tuple[Standing | None, ...]
