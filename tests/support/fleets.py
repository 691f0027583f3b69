"""A fleet without a broker: a clock to set, and a bucket and limits that answer as they are told."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from contracts.errors import PenstockError
from contracts.inference import TokenUsage
from infra.catalog import Deployment
from infra.telemetry.metrics import ProviderMetrics
from tests.support.logs import RecordedLog
from tests.support.plans import plan
from workers.provider import errors
from workers.provider.breaker import STREAK, Opening
from workers.provider.breaker_store import Hear
from workers.provider.breaker_watch import BreakerWatch
from workers.provider.fleet import Fleet, Grant
from workers.provider.health import Census
from workers.provider.plan import Key, Option, Plan
from workers.provider.rate_limits import Full, Reservation
from workers.provider.refusal import NothingToCallError
from workers.provider.said import Result

NOW = 1_700_000_000.0
FAILED = errors.from_status(500, None, None, "p")
REFUSED = errors.from_status(401, None, None, "p")


@dataclass(slots=True)
class Bucket:
    """Stands in for `BreakerStore`. `taken` are the probes that another process has."""

    told: list[tuple[Key, Opening | None]] = field(default_factory=list)
    taken: set[Key] = field(default_factory=set)
    asked: list[Key] = field(default_factory=list)
    given_back: list[Key] = field(default_factory=list)
    hear: Hear | None = None

    async def open(self, hear: Hear) -> None:
        self.hear = hear

    async def close(self) -> None:
        """Nothing to do."""

    def tell(self, key: Key, opening: Opening | None) -> None:
        self.told.append((key, opening))

    async def take_probe(self, key: Key) -> bool:
        self.asked.append(key)
        return key not in self.taken

    def give_probe_back(self, key: Key) -> None:
        self.given_back.append(key)


@dataclass(slots=True)
class Limits:
    """Stands in for `RateLimits`: what `refusals` holds is answered first; where it is `silent`, nothing is."""

    refusals: deque[Full] = field(default_factory=deque)
    reserved: list[tuple[str, int]] = field(default_factory=list)
    corrected: list[tuple[int, int]] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)
    silent: bool = False

    async def reserve(self, deployment: Deployment, tokens: int) -> Reservation | Full:
        if self.silent:
            await asyncio.get_running_loop().create_future()
        self.reserved.append((deployment.name, tokens))
        return self.refusals.popleft() if self.refusals else Reservation(deployment, tokens)

    async def give_back(self, reservation: Reservation) -> None:
        self.given_back.append(reservation.tokens)

    async def correct(self, reservation: Reservation, tokens: int) -> None:
        self.corrected.append((reservation.tokens, tokens))


class Yard:
    """A fleet and all that it stands on. `now` is what its clock says."""

    def __init__(self) -> None:
        self.now = NOW
        self.bucket, self.limits, self.log = Bucket(), Limits(), RecordedLog()
        self.registry = CollectorRegistry()
        self.census, metrics = Census(), ProviderMetrics(self.registry)
        self.watch = BreakerWatch(self.census, self.bucket, metrics, self.log.logger, clock=self.clock)  # type: ignore[arg-type]
        self.fleet = Fleet(
            self.census,
            self.watch,
            self.limits,  # type: ignore[arg-type]
            metrics,
            clock=self.clock,
            random=Random(1),
        )

    def clock(self) -> float:
        """What time it is."""
        return self.now

    def end(self, grant: Grant, error: PenstockError | None = None, *, seconds: float = 0.1, tokens: int = 0) -> None:
        """The call has ended, well or with an error."""
        usage = TokenUsage(input_tokens=tokens, output_tokens=tokens)
        self.fleet.settle(grant, Result({}, usage, error, seconds * 1000, None))

    def metric(self, name: str, **labels: str) -> float | None:
        """What Prometheus would be told."""
        return self.registry.get_sample_value(name, labels)


async def admit(yard: Yard, wanted: Plan, **changed: Any) -> Grant:
    """Leave to call, at once or not at all."""
    asked = {"again": False, "within": 0.0, "patient": False, **changed}
    return await yard.fleet.admit(wanted, **asked)


async def refusal(yard: Yard, wanted: Plan, **changed: Any) -> NothingToCallError:
    """Why none may be called."""
    with pytest.raises(NothingToCallError) as raised:
        await admit(yard, wanted, **changed)
    return raised.value


async def called(yard: Yard, wanted: Plan, error: PenstockError | None = None, **changed: Any) -> Grant:
    """A call that ends at once."""
    grant = await admit(yard, wanted, **changed)
    yard.end(grant, error)
    return grant


async def break_open(yard: Yard, broken: Option) -> None:
    """Let it fail until its breaker opens."""
    for _ in range(STREAK):
        await called(yard, plan((broken,)), FAILED)
