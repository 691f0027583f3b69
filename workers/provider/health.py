"""What one process knows of the deployments: what they are like, and what they have to do."""

from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from workers.provider.average import Average
from workers.provider.breaker import Breaker, Reason, Standing
from workers.provider.plan import Key, Option
from workers.provider.retry_budget import RetryBudget
from workers.provider.slots import Slots

_REMEMBERED = 10_000
"""Models, at most: under a pattern callers name them as they like."""
_PROBED_ELSEWHERE = 1.0
"""Seconds after which it is worth asking whether a probe is over of which nothing was heard."""


class Obstacle(Enum):
    """Why a deployment can't be called now."""

    OPEN = "its breaker is open"
    REFUSED = "it does not take our key"
    LIMITED = "it is at its rate limit"
    RESTING = "it asked to be left alone"
    SPENT = "its retry budget is spent"
    BUSY = "all its slots are taken"


class Block(NamedTuple):
    """An option that can't be called, and until when, in seconds since 1970; 0 where only others' calls decide that."""

    option: Option
    obstacle: Obstacle
    until: float = 0.0


@dataclass(slots=True)
class Health:
    """One model of one deployment."""

    breaker: Breaker = field(default_factory=Breaker)
    latency: Average = field(default_factory=Average)
    resting_until: float = 0.0
    """The provider said so (`Retry-After`)."""
    rests_limited: bool = False
    """… because of its rate limit, and not because it is in trouble."""
    probed_until: float = 0.0
    """Another process probes."""


@dataclass(slots=True)
class Station:
    """One deployment, whichever its model."""

    slots: Slots = field(default_factory=Slots)
    budget: RetryBudget = field(default_factory=RetryBudget)
    output: Average = field(default_factory=Average)
    """Output tokens of a call."""
    full_until: float = 0.0
    """Its requests a minute are spent."""


class Census:
    """The health of all models, the least recently used forgotten first, and the stations of all deployments."""

    def __init__(self) -> None:
        self._healths: OrderedDict[Key, Health] = OrderedDict()
        self._stations: dict[str, Station] = {}

    def health(self, key: Key) -> Health:
        """Of one model of one deployment."""
        found = self._healths.get(key)
        if found is None:
            found = self._healths[key] = Health()
            if len(self._healths) > _REMEMBERED:
                self._healths.popitem(last=False)
        else:
            self._healths.move_to_end(key)
        return found

    def opened(self, deployments: Container[str]) -> list[tuple[Key, Breaker]]:
        """The breakers of these deployments that are open."""
        return [
            (key, health.breaker)
            for key, health in self._healths.items()
            if health.breaker.opening is not None and key[0] in deployments
        ]

    def station(self, deployment: str) -> Station:
        """Of one deployment."""
        found = self._stations.get(deployment)
        if found is None:
            found = self._stations[deployment] = Station()
        return found

    def block(
        self, option: Option, now: float, *, budgeted: bool, probes: bool, held: Slots | None = None
    ) -> Block | None:
        """What stands in the way of a call, if anything; what is worth waiting for comes last.

        `budgeted`: the call needs the retry budget. `probes`: it may be a probe. `held`: where a slot is taken for it.
        """
        health, station = self.health(option.key), self.station(option.deployment.name)
        standing = health.breaker.standing(now)
        if standing is not Standing.CLOSED:
            opening = health.breaker.opening
            if standing is Standing.OPEN or not probes or health.breaker.probing or now < health.probed_until:
                refused = opening is not None and opening.reason is Reason.CREDENTIALS
                until = max(opening.until if opening else 0.0, health.probed_until, now + _PROBED_ELSEWHERE / 2)
                return Block(option, Obstacle.REFUSED if refused else Obstacle.OPEN, until)
        if max(health.resting_until, station.full_until) > now:
            limited = health.rests_limited or station.full_until > now
            until = max(health.resting_until, station.full_until)
            return Block(option, Obstacle.LIMITED if limited else Obstacle.RESTING, until)
        if budgeted and not station.budget.allows(now):
            return Block(option, Obstacle.SPENT)
        if station.slots is not held and not station.slots.has_room(option.deployment.concurrency):
            return Block(option, Obstacle.BUSY)
        return None

    def probed_elsewhere(self, option: Option, now: float) -> Block:
        """Another process has the probe: don't ask again at once."""
        health = self.health(option.key)
        health.probed_until = now + _PROBED_ELSEWHERE
        return Block(option, Obstacle.OPEN, health.probed_until)
