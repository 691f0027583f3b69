"""Counts of the calls that ask a model for something: what tests and benchmarks compare a gateway's own books with."""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from infra.simulator.answer import Usage
from infra.simulator.faults import Ordinals


class Outcome(Enum):
    """How a call ended: a whole answer sent, an error or a spoilt answer sent, or the client gone before its end."""

    COMPLETED = auto()
    FAILED = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class EndedCall:
    """One call that has ended: an outcome in lower case, and the usage that its answer reports once it is whole.

    `usage` is None for an error in place of an answer. Whether it was sent is said by the outcome: with `completed` it
    was, with the others it may have been.
    """

    idempotency_key: str
    model: str
    outcome: str
    usage: Usage | None


class Stats:
    """The counters since the start or the last reset: calls = completed + failed + cancelled + in flight."""

    def __init__(self) -> None:
        self.calls = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.outcomes: Counter[Outcome] = Counter()
        self.by_model: Counter[str] = Counter()
        self.by_request: Counter[bytes] = Counter()
        self.by_key: Counter[str] = Counter()
        self.by_path: Counter[str] = Counter()
        self.last_cancel: dict[str, float] = {}
        self.ended: list[EndedCall] = []

    def receive(self, key: str, path: str) -> "CallRecord":
        """Counts a call on arrival, by its idempotency key (empty: none) and the path it came by."""
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.by_key[key] += 1
        self.by_path[path] += 1
        return CallRecord(self, key)

    def snapshot(self) -> dict[str, Any]:
        """The counters as GET /stats gives them.

        `last_cancel_after_ms` is from the call's arrival until the client was noticed to be gone; that moment is also
        given by the monotonic clock, which on Linux all processes share, and as Unix time, both in seconds. All three
        are null before the first.
        """
        return {
            "calls": self.calls,
            "completed": self.outcomes[Outcome.COMPLETED],
            "failed": self.outcomes[Outcome.FAILED],
            "cancelled": self.outcomes[Outcome.CANCELLED],
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "by_model": dict(self.by_model),
            "by_idempotency_key": dict(self.by_key),
            "by_path": dict(self.by_path),
            "last_cancel_after_ms": self.last_cancel.get("after_ms"),
            "last_cancel_monotonic_s": self.last_cancel.get("monotonic_s"),
            "last_cancel_unix_s": self.last_cancel.get("unix_s"),
        }


class CallRecord:
    """One call in the books it arrived under, so that a reset in between leaves the new ones consistent."""

    def __init__(self, stats: Stats, key: str) -> None:
        self._stats = stats
        self._key = key
        self._model = ""
        self.usage: Usage | None = None
        self._received = time.monotonic()

    def name_request(self, model: str, body: bytes) -> Ordinals:
        """Counts the call under its model's name as sent and under its body's hash, and says which call it is."""
        self._model = model
        stats, digest = self._stats, hashlib.sha256(body).digest()
        stats.by_model[model] += 1
        stats.by_request[digest] += 1
        return Ordinals(of_model=stats.by_model[model], of_request=stats.by_request[digest])

    def end(self, outcome: Outcome) -> None:
        """Counts how the call ended; once a call."""
        self._stats.in_flight -= 1
        self._stats.outcomes[outcome] += 1
        self._stats.ended.append(EndedCall(self._key, self._model, outcome.name.lower(), self.usage))
        if outcome is Outcome.CANCELLED:
            now = time.monotonic()
            after_ms = (now - self._received) * 1000
            self._stats.last_cancel = {"after_ms": after_ms, "monotonic_s": now, "unix_s": time.time()}
