"""The search for the option that a request calls next: tier by tier, and within one by the power of two choices."""

from collections.abc import Callable
from random import Random

from workers.provider.breaker import Standing
from workers.provider.health import Block, Census, Station
from workers.provider.pick import Load, pick
from workers.provider.plan import Key, Option, Plan
from workers.provider.slots import Slots


class Choice:
    """One search. It looks again as often as it is asked, without the options that turned out to be none.

    `again`: options that the request has called before come after those that it has not. `hedge`: for a call beside
    another one, which needs the retry budget and is never a probe. `blocks` says what stood in the way of better ones.
    """

    def __init__(  # noqa: PLR0913 - what one search needs
        self,
        census: Census,
        plan: Plan,
        clock: Callable[[], float],
        random: Random,
        *,
        again: bool = False,
        hedge: bool = False,
    ) -> None:
        self.plan = plan
        self.hedge = hedge
        self.blocks: list[Block] = []
        self._census = census
        self._clock = clock
        self._random = random
        self._rounds = (False, True) if again else (False,)
        self._passed: dict[Key, Block] = {}
        self._held: Slots | None = None

    def option(self) -> Option | None:
        """The one to call, or None where none may be called now."""
        now = self._clock()
        self.blocks = list(self._passed.values())
        for tried in self._rounds:
            for tier in self.plan.tiers:
                if open_ := self._open(tier, now, tried=tried):
                    return open_[0] if len(open_) == 1 else self._pick(open_, now)
        return None

    def pass_over(self, block: Block) -> None:
        """This option can't be called after all."""
        self._passed[block.option.key] = block

    def look_again(self, held: Slots | None) -> None:
        """Time has passed: what could not be called may be free by now. `held` is where a slot has been taken."""
        self._passed.clear()
        self._held = held

    def take_slot(self, station: Station) -> None:
        """Take a slot of the chosen option, the one that is held where it is one of these."""
        if self._held is station.slots:
            self._held = None
        else:
            station.slots.take()
            self.let_go()

    def let_go(self) -> None:
        """Give back the slot that is held, if there is one."""
        if self._held is not None:
            self._held.release()
            self._held = None

    def _open(self, tier: tuple[Option, ...], now: float, *, tried: bool) -> list[Option]:
        found: list[Option] = []
        for option in tier:
            if option.key in self._passed or (option.key in self.plan.tried) is not tried:
                continue
            block = self._census.block(
                option, now, budgeted=tried or self.hedge, probes=not self.hedge, held=self._held
            )
            if block is None:
                found.append(option)
            else:
                self.blocks.append(block)
        return found

    def _pick(self, options: list[Option], now: float) -> Option:
        loads: list[Load] = []
        for option in options:
            health = self._census.health(option.key)
            if health.breaker.standing(now) is not Standing.CLOSED:
                # One that is due to be tried again goes first: it would never come back by being the better one.
                return option
            slots = self._census.station(option.deployment.name).slots
            loads.append(Load(option.deployment.weight, slots.in_flight, health.latency.expected(now)))
        return options[pick(loads, self._random)]
