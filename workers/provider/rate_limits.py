"""A deployment's requests and tokens per minute, over all processes (`infra.limits.windows`).

Only deployments that set a limit pay for it: one increment.
"""

from dataclasses import dataclass

from contracts.errors import PenstockError
from infra.catalog import Deployment
from infra.limits.counted import Asked, Entry, Kind, Passed, counter_name
from infra.limits.windows import Windows
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_COUNTED = "deployment"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a call has been counted as. `of_tokens` is where its tokens are, None where nothing limits them."""

    deployment: Deployment
    tokens: int
    entries: tuple[Entry, ...] = ()
    of_tokens: Entry | None = None


@dataclass(frozen=True, slots=True)
class Full:
    """The call may not be made yet. `everybody` where it is the requests that are spent: no other call may either."""

    seconds: float
    everybody: bool


class RateLimits:
    """The limits of all deployments. Where the counters can't be reached, the provider's own 429 is all there is."""

    def __init__(self, windows: Windows, log: Logger) -> None:
        self._windows = windows
        self._log = log
        self._reachable = True

    async def reserve(self, deployment: Deployment, tokens: int) -> Reservation | Full:
        """Count one call of so many tokens, or learn how long to wait."""
        # A prompt that is larger than the limit may have a minute to itself.
        tokens = min(tokens, deployment.tokens_per_minute or tokens)
        limits = (
            (Kind.REQUESTS, 1, deployment.requests_per_minute),
            (Kind.TOKENS, tokens, deployment.tokens_per_minute),
        )
        name = counter_name(_COUNTED, deployment.name)
        asked = [Asked(name, kind, amount, limit) for kind, amount, limit in limits if limit is not None]
        if not asked:
            return Reservation(deployment, tokens)
        try:
            found = await self._windows.count(asked)
        except PenstockError as error:
            self._tell(error)
            return Reservation(deployment, tokens)
        self._tell(None)
        if isinstance(found, Passed):
            of_tokens = found.entries[0] if deployment.tokens_per_minute is not None else None
            return Reservation(deployment, tokens, found.entries, of_tokens)
        return Full(found.seconds, everybody=any(asked[place].kind is Kind.REQUESTS for place in found.refused))

    async def give_back(self, reservation: Reservation) -> None:
        """The call was not made."""
        try:
            await self._windows.take_back(reservation.entries)
        except PenstockError as error:
            self._tell(error)

    async def correct(self, reservation: Reservation, tokens: int) -> None:
        """The call took so many tokens."""
        if reservation.of_tokens is None:
            return
        try:
            await self._windows.correct(reservation.of_tokens.subject, tokens - reservation.tokens)
        except PenstockError as error:
            self._tell(error)

    def _tell(self, error: PenstockError | None) -> None:
        if error is not None and self._reachable:
            self._log.warning("rate_limits_unreachable", error=told(error))
        self._reachable = error is None
