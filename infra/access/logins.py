"""Logins that failed, counted by who tries and by the key that is tried: in a sliding window.

A process counts its own, and those that others tell it of (`infra.access.logins_elsewhere`).
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_REMEMBERED = 10_000


class FailedLogins:
    """At most `most` failures in `window` seconds from one address, and as many with the id of one key.

    Of addresses and ids, the 10,000 that failed last are remembered. `now` is in seconds, and never goes back. `tell`,
    where it is set, is told of each that was added here.
    """

    def __init__(self, most: int, window: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._window = window
        self._now = now
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self.tell: Callable[[str, str | None], None] | None = None

    def wait(self, address: str, key_id: str | None) -> float:
        """Seconds until this address may try this key again; 0 where it may now."""
        return max(self._wait(subject) for subject in _subjects(address, key_id))

    def add(self, address: str, key_id: str | None) -> None:
        """One more has failed here, now."""
        self.count(address, key_id)
        if self.tell is not None:
            self.tell(address, key_id)

    def count(self, address: str, key_id: str | None) -> None:
        """One more has failed, now, here or elsewhere."""
        for subject in _subjects(address, key_id):
            failures = self._failures.setdefault(subject, deque(maxlen=self._most))
            failures.append(self._now())
            self._failures.move_to_end(subject)
            if len(self._failures) > _MOST_REMEMBERED:
                self._failures.popitem(last=False)

    def _wait(self, subject: tuple[str, str]) -> float:
        failures = self._failures.get(subject)
        if failures is None or len(failures) < self._most:
            return 0.0
        return max(failures[0] + self._window - self._now(), 0.0)


def _subjects(address: str, key_id: str | None) -> tuple[tuple[str, str], ...]:
    of_address = ("address", address)
    return (of_address,) if key_id is None else (of_address, ("key", key_id))
