"""A circuit breaker: when a deployment is not to be called, and how it is found out that it answers again.

Closed: calls pass. Open: none does. Half open, once the time of an opening is over: one call passes as a probe, and its
end closes the breaker or opens it again for longer. A pure state machine: moments come in, as seconds since 1970.
"""

from dataclasses import dataclass
from enum import Enum

from workers.provider.recent import Recent

STREAK = 5
"""Failures in a row that open a breaker."""
WINDOW, LEAST_CALLS, WORST_SHARE = 10, 20, 0.5
"""Or: this share of failures in this many seconds, of at least so many calls."""
OPEN_FOR, LONGEST = 5.0, 60.0
"""Seconds of the first opening, doubled with each probe that fails, and what they don't exceed."""
REFUSED_FOR = 30.0
"""Seconds after a 401 or 403. A key does not mend itself, but an operator who has changed it shouldn't wait long."""
_GOOD, _FAILED = 0, 1


class Verdict(Enum):
    """What one call says of its deployment.

    `ANSWERED`: it works, but not for this request (a 400, a 429). `UNKNOWN`: the call was ended before it could tell.
    """

    GOOD = "good"
    ANSWERED = "answered"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Standing(Enum):
    """What a breaker lets pass; the number is the gauge's."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Reason(Enum):
    """Why a breaker is open."""

    FAILURES = "failures"
    CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Opening:
    """Why, until when (seconds since 1970), and the how manieth in a row: what replicas tell each other."""

    reason: Reason
    until: float
    number: int


class Breaker:
    """The breaker of one model of one deployment, as one process sees it."""

    def __init__(self) -> None:
        self.opening: Opening | None = None
        self.probing = False
        """Whether this process has a probe on its way."""
        self._streak = 0
        self._recent = Recent(WINDOW)
        self._changed_at = 0.0

    def standing(self, now: float) -> Standing:
        """Whether calls pass."""
        if self.opening is None:
            return Standing.CLOSED
        return Standing.OPEN if now < self.opening.until else Standing.HALF_OPEN

    def record(self, verdict: Verdict, *, began: float, now: float, probe: bool = False) -> bool:
        """Take in how a call ended that was begun at `began`; whether the breaker opened or closed by it.

        Of a call that was under way when the breaker changed, nothing is learnt: it belongs to what was before.
        """
        if probe:
            self.probing = False
            if self.opening is not None:
                return self._probed(self.opening, verdict, now)
        if self.opening is not None or began < self._changed_at:
            return False
        if verdict is Verdict.GOOD:
            self._streak = 0
            self._recent.add(_GOOD, now)
        elif verdict is Verdict.FAILED:
            self._streak += 1
            self._recent.add(_FAILED, now)
            if self._too_many(now):
                return self._open(Opening(Reason.FAILURES, now + OPEN_FOR, 1), now)
        elif verdict is Verdict.REFUSED:
            return self._open(Opening(Reason.CREDENTIALS, now + REFUSED_FOR, 1), now)
        return False

    def adopt(self, opening: Opening | None, now: float) -> bool:
        """Take over what another process found out, None for closed; whether it changed anything here.

        Of two openings the one that ends later counts: each is told of by whoever found it out, in any order.
        """
        if opening is None:
            return self._close(now)
        if self.opening is not None and self.opening.until >= opening.until:
            return False
        return self._open(opening, now)

    def _too_many(self, now: float) -> bool:
        if self._streak >= STREAK:
            return True
        good, failed = self._recent.counts(now)
        return good + failed >= LEAST_CALLS and failed >= WORST_SHARE * (good + failed)

    def _probed(self, opening: Opening, verdict: Verdict, now: float) -> bool:
        match verdict:
            case Verdict.GOOD | Verdict.ANSWERED:
                return self._close(now)
            case Verdict.FAILED:
                seconds = min(OPEN_FOR * 2**opening.number, LONGEST)
                return self._open(Opening(Reason.FAILURES, now + seconds, opening.number + 1), now)
            case Verdict.REFUSED:
                return self._open(Opening(Reason.CREDENTIALS, now + REFUSED_FOR, opening.number + 1), now)
            case _:
                return False

    def _open(self, opening: Opening, now: float) -> bool:
        self.opening = opening
        self._changed_at = now
        return True

    def _close(self, now: float) -> bool:
        was_open = self.opening is not None
        if was_open:
            self.opening = None
            self._changed_at = now
            self._streak = 0
            self._recent.clear()
        return was_open
