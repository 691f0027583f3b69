"""Admission to the deployments: which one a request calls, when, and what is learnt from the call."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

from contracts.errors import ErrorCode
from infra.telemetry.metrics import ProviderMetrics
from workers.provider.breaker import Standing, Verdict
from workers.provider.breaker_watch import BreakerChange, BreakerWatch
from workers.provider.choice import Choice
from workers.provider.health import Block, Census, Health, Obstacle, Station
from workers.provider.plan import Option, Plan
from workers.provider.rate_limits import RateLimits, Reservation
from workers.provider.refusal import nothing_to_call
from workers.provider.said import Result
from workers.provider.slots import Slots, first_free
from workers.provider.verdict import verdict_of

_LONGEST_REST = 300.0
"""Seconds; a provider that wants to be left alone for longer is asked again after these all the same."""
_LONGEST_WAIT, _JITTER = 86_400.0, 0.25


class Kind(StrEnum):
    """What a call is to its request."""

    FIRST = "first"
    FAILOVER = "failover"
    RETRY = "retry"
    HEDGE = "hedge"


@dataclass(slots=True)
class Grant:
    """Leave to make one call; owed one `Fleet.settle`. `skipped` is what stood in the way of better options."""

    option: Option
    kind: Kind
    health: Health
    station: Station
    began: float
    skipped: tuple[Block, ...]
    probe: bool = False
    reservation: Reservation | None = None


class Outlook(NamedTuple):
    """What is left for a request whose call has failed.

    An option that it has not called yet, now (`free`) or once one of its calls has ended (`busy`); one that it has
    called, in so many seconds, where that is not None.
    """

    free: bool
    busy: bool
    again_after: float | None


class Fleet:
    """All deployments, as this process sees them. `clock` gives seconds since 1970."""

    def __init__(  # noqa: PLR0913 - what a process has of it
        self,
        census: Census,
        watch: BreakerWatch,
        limits: RateLimits,
        metrics: ProviderMetrics,
        *,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._census = census
        self._watch = watch
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._random = random or Random()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Store what is still to be stored."""
        await asyncio.gather(*self._tasks)

    async def admit(self, plan: Plan, *, again: bool, within: float, patient: bool) -> Grant:
        """Choose an option that the request has not called yet; with `again` one that it has, where no other is left.

        Waits for a slot, at most `within` seconds; the `patient` wait for breakers and rate limits as well. Raises
        `NothingToCallError`.
        """
        ends = time.monotonic() + min(within, _LONGEST_WAIT)
        choice = Choice(self._census, plan, self._clock, self._random, again=again)
        while True:
            option = choice.option()
            if option is None:
                choice.let_go()
                choice.look_again(await self._wait(choice.blocks, ends, patient=patient))
            elif (grant := await self._take(option, choice)) is not None:
                return grant

    async def spare(self, plan: Plan) -> Grant | None:
        """An option for a call beside the one that is under way, or None where none is free at once."""
        choice = Choice(self._census, plan, self._clock, self._random, hedge=True)
        while (option := choice.option()) is not None:
            if (grant := await self._take(option, choice)) is not None:
                return grant
        return None

    def outlook(self, plan: Plan) -> Outlook:
        """See `Outlook`."""
        now, free, busy, again = self._clock(), False, False, math.inf
        for option in (option for tier in plan.tiers for option in tier):
            tried = option.key in plan.tried
            block = self._census.block(option, now, budgeted=tried, probes=True)
            obstacle = block.obstacle if block else None
            if not tried:
                free, busy = free or block is None, busy or obstacle is Obstacle.BUSY
            elif obstacle in (None, Obstacle.BUSY, Obstacle.LIMITED, Obstacle.RESTING):
                again = min(again, max(block.until - now, 0.0) if block else 0.0)
            elif obstacle is Obstacle.SPENT:
                self._metrics.denied.labels(option.deployment.name).inc()
        return Outlook(free, busy, None if again == math.inf else again)

    def settle(self, grant: Grant, result: Result | None) -> BreakerChange | None:
        """Learn from a call that has ended, None where it was not made after all; what that did to its breaker."""
        now = self._clock()
        verdict = Verdict.UNKNOWN if result is None else verdict_of(result)
        if result is not None:
            _learn(grant, result, verdict, now)
        change = self._watch.ended(grant.option, verdict, began=grant.began, probe=grant.probe)
        grant.station.slots.release()
        if grant.reservation is not None:
            self._spawn(self._account(grant.reservation, result))
        return change

    async def _take(self, option: Option, choice: Choice) -> Grant | None:
        """The grant for an option that was chosen; None where it turns out that it can't be called."""
        plan, now = choice.plan, self._clock()
        health, station = self._census.health(option.key), self._census.station(option.deployment.name)
        grant = Grant(option, _kind(option, choice), health, station, now, tuple(choice.blocks))
        choice.take_slot(station)
        try:
            block = await self._last_obstacle(grant, plan.prompt_tokens)
        except BaseException:
            self.settle(grant, None)
            raise
        if block is not None:
            self.settle(grant, None)
            choice.pass_over(block)
            return None
        plan.tried.add(option.key)
        if grant.kind in (Kind.RETRY, Kind.HEDGE):
            station.budget.again(now)
        else:
            station.budget.first(now)
        self._metrics.calls.labels(option.deployment.name, grant.kind).inc()
        return grant

    async def _last_obstacle(self, grant: Grant, prompt_tokens: int) -> Block | None:
        """What only other processes know: whether one of them probes, and whether all together are at the limit."""
        option, deployment = grant.option, grant.option.deployment
        if grant.health.breaker.standing(grant.began) is not Standing.CLOSED:
            grant.probe = await self._watch.may_probe(option)
            if not grant.probe:
                return self._census.probed_elsewhere(option, self._clock())
        if deployment.requests_per_minute is None and deployment.tokens_per_minute is None:
            return None
        answer = round(grant.station.output.expected(grant.began) or 0)
        found = await self._limits.reserve(deployment, prompt_tokens + answer)
        if isinstance(found, Reservation):
            grant.reservation = found
            return None
        until = self._clock() + found.seconds
        if found.everybody:
            grant.station.full_until = until
        return Block(option, Obstacle.LIMITED, until)

    async def _wait(self, blocks: list[Block], ends: float, *, patient: bool) -> Slots | None:
        """Until something may have changed; a slot that was waited for is taken. Raises `NothingToCallError`."""
        now, left = self._clock(), ends - time.monotonic()
        busy = {id(slots): slots for slots in self._slots_of(blocks)}
        soonest = min((block.until - now for block in blocks if block.until), default=math.inf)
        if left <= 0 or not (busy or (patient and soonest < left)):
            raise nothing_to_call(blocks, now)
        if not busy:
            await asyncio.sleep(soonest + self._random.uniform(0, _JITTER))
            return None
        try:
            return await first_free(list(busy.values()), min(left, max(soonest, 0.0)))
        except TimeoutError:
            return None

    def _slots_of(self, blocks: list[Block]) -> Iterator[Slots]:
        for block in blocks:
            if block.obstacle is Obstacle.BUSY:
                yield self._census.station(block.option.deployment.name).slots

    async def _account(self, reservation: Reservation, result: Result | None) -> None:
        if result is None:
            await self._limits.give_back(reservation)
        else:
            await self._limits.correct(reservation, result.usage.input_tokens + result.usage.output_tokens)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _kind(option: Option, choice: Choice) -> Kind:
    if choice.hedge:
        return Kind.HEDGE
    if option.key in choice.plan.tried:
        return Kind.RETRY
    return Kind.FAILOVER if choice.plan.tried else Kind.FIRST


def _learn(grant: Grant, result: Result, verdict: Verdict, now: float) -> None:
    """How long the deployment takes, how much it says, and until when it wants to be left alone."""
    milliseconds = result.latency_ms if result.first_token_ms is None else result.first_token_ms
    # A call that another one has beaten took at least so long; one whose caller left says no more than that either.
    if verdict is Verdict.GOOD or (result.status == "cancelled" and milliseconds / 1000 > _known(grant, now)):
        grant.health.latency.observe(milliseconds / 1000, now)
    if verdict is Verdict.GOOD:
        grant.station.output.observe(result.usage.output_tokens, now)
    if result.error is not None and result.error.retry_after:
        grant.health.resting_until = now + min(result.error.retry_after, _LONGEST_REST)
        grant.health.rests_limited = result.error.code is ErrorCode.RATE_LIMITED


def _known(grant: Grant, now: float) -> float:
    expected = grant.health.latency.expected(now)
    return 0.0 if expected is None else expected
