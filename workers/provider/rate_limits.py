"""A deployment's requests and tokens per minute, over all processes: a sliding window on two shared counters.

What counts is this minute's counter, and of the last minute's the share that still lies within sixty seconds
(https://blog.cloudflare.com/counting-things-a-lot-of-different-things/). A call is counted before it is made; each
increment is told its own new value, so that of any number of processes exactly as many pass as may. One that may not
is taken back. Only deployments that set a limit pay for it: two increments, side by side.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from contracts import subjects
from contracts.errors import PenstockError
from infra.catalog import Deployment
from infra.counters import Counters
from infra.telemetry.logs import Logger

_MINUTE = 60.0
_REQUESTS, _TOKENS = "requests", "tokens"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a call has been counted as."""

    deployment: Deployment
    minute: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Full:
    """The call may not be made yet. `everybody` where it is the requests that are spent: no other call may either."""

    seconds: float
    everybody: bool


class RateLimits:
    """The limits of all deployments. Where the counters can't be reached, the provider's own 429 is all there is."""

    def __init__(self, counters: Counters, log: Logger, clock: Callable[[], float] = time.time) -> None:
        self._counters = counters
        self._log = log
        self._clock = clock
        self._past: dict[tuple[str, str], tuple[int, int]] = {}
        self._reachable = True

    async def reserve(self, deployment: Deployment, tokens: int) -> Reservation | Full:
        """Count one call of so many tokens, or learn how long to wait."""
        now = self._clock()
        minute, passed = int(now // _MINUTE), now % _MINUTE / _MINUTE
        # A prompt that is larger than the limit may have a minute to itself.
        tokens = min(tokens, deployment.tokens_per_minute or tokens)
        try:
            waits = await asyncio.gather(
                self._count(_REQUESTS, deployment.name, minute, passed, 1, deployment.requests_per_minute),
                self._count(_TOKENS, deployment.name, minute, passed, tokens, deployment.tokens_per_minute),
            )
        except PenstockError as error:
            self._tell(error)
            return Reservation(deployment, minute, tokens)
        self._tell(None)
        reservation = Reservation(deployment, minute, tokens)
        if any(waits):
            await self.give_back(reservation)
            return Full(max(waits), everybody=waits[0] > 0)
        return reservation

    async def give_back(self, reservation: Reservation) -> None:
        """The call was not made."""
        await self._add(reservation, -1, -reservation.tokens)

    async def correct(self, reservation: Reservation, tokens: int) -> None:
        """The call took so many tokens; they count when it has taken them, which is now."""
        minute = int(self._clock() // _MINUTE)
        await self._add(Reservation(reservation.deployment, minute, 0), 0, tokens - reservation.tokens)

    async def _count(  # noqa: PLR0913, PLR0917 - one counter and its limit
        self, kind: str, name: str, minute: int, passed: float, amount: int, limit: int | None
    ) -> float:
        if limit is None:
            return 0.0
        value = await self._counters.add(_subject(kind, name, minute), amount)
        before = await self._last_minute(kind, name, minute)
        return seconds_to_wait(limit, amount, value - amount, before, passed)

    async def _last_minute(self, kind: str, name: str, minute: int) -> int:
        """Read once a minute: what is counted now is counted in this one."""
        known = self._past.get((kind, name))
        if known is None or known[0] != minute:
            known = self._past[kind, name] = minute, await self._counters.value(_subject(kind, name, minute - 1))
        return known[1]

    async def _add(self, reservation: Reservation, requests: int, tokens: int) -> None:
        deployment = reservation.deployment
        changes = (
            (_REQUESTS, requests, deployment.requests_per_minute),
            (_TOKENS, tokens, deployment.tokens_per_minute),
        )
        try:
            for kind, amount, limit in changes:
                if amount and limit is not None:
                    await self._counters.add(_subject(kind, deployment.name, reservation.minute), amount)
        except PenstockError as error:
            self._tell(error)

    def _tell(self, error: PenstockError | None) -> None:
        if error is not None and self._reachable:
            self._log.warning("rate_limits_unreachable", error=error.message)
        self._reachable = error is None


def seconds_to_wait(limit: int, amount: int, counted: int, before: int, passed: float) -> float:
    """0 where `amount` more is within `limit`, else the seconds until it would be, if nobody counts in between.

    `counted` is this minute's figure without it, `before` the last minute's, `passed` how much of this minute is over
    (0 to 1).
    """
    if before * (1 - passed) + counted + amount <= limit:
        return 0.0
    if counted + amount <= limit:
        # Within this minute, once enough of the last one lies back far enough.
        return _MINUTE * (1 - (limit - counted - amount) / before - passed)
    # In the next one, once enough of this one lies back far enough.
    return _MINUTE * (1 - passed + 1 - (limit - amount) / counted)


def _subject(kind: str, deployment: str, minute: int) -> str:
    # A deployment's name may have dots and slashes in it.
    return subjects.counter(f"{kind}.{hashlib.sha256(deployment.encode()).hexdigest()[:24]}.{minute}")
