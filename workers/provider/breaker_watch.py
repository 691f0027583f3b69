"""The breakers of one process, in step with those of the others, and what operators are told of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.catalog import Catalog
from infra.telemetry.logs import Logger
from infra.telemetry.metrics import ProviderMetrics
from workers.provider.breaker import Breaker, Opening, Reason, Standing, Verdict
from workers.provider.breaker_store import BreakerStore
from workers.provider.health import Census
from workers.provider.plan import Key, Option


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """What the end of a call did to a breaker: opened it for so many seconds, or closed it, where `opening` is None."""

    opening: Opening | None
    seconds: float = 0.0


class BreakerWatch:
    """Records how calls end, tells the others of what follows, and asks them before it probes."""

    def __init__(
        self,
        census: Census,
        store: BreakerStore,
        metrics: ProviderMetrics,
        log: Logger,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._census = census
        self._store = store
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._catalog: Catalog | None = None

    async def follow(self, catalog: Catalog) -> None:
        """There is another catalogue: what was found out of a deployment that is another one by now is void.

        Each process does so by itself, so nobody is told.
        """
        before, self._catalog = self._catalog, catalog
        if before is None:
            return
        now = self._clock()
        for key, breaker in self._census.opened(_changed(before, catalog)):
            breaker.adopt(None, now)
            self._show(key, Standing.CLOSED)

    async def open(self) -> None:
        """Hear what other processes find out."""
        await self._store.open(self._hear)

    async def close(self) -> None:
        """Stop."""
        await self._store.close()

    async def may_probe(self, option: Option) -> bool:
        """Whether this call is the one, of all processes, that finds out whether a deployment answers again."""
        breaker = self._census.health(option.key).breaker
        # Before anything is awaited: no other call of this process may come to the same thought.
        breaker.probing = True
        try:
            found = await self._store.take_probe(option.key)
        except BaseException:
            breaker.probing = False
            raise
        breaker.probing = found
        if found:
            self._show(option.key, Standing.HALF_OPEN)
        return found

    def ended(self, option: Option, verdict: Verdict, *, began: float, probe: bool) -> BreakerChange | None:
        """A call has ended; what that changed."""
        change: BreakerChange | None = None
        now, breaker = self._clock(), self._census.health(option.key).breaker
        if breaker.record(verdict, began=began, now=now, probe=probe):
            self._store.tell(option.key, breaker.opening)
            self._log_change(option, breaker, now)
            self._show(option.key, breaker.standing(now))
            opening = breaker.opening
            change = BreakerChange(opening, opening.until - now if opening else 0.0)
        if probe:
            self._store.give_probe_back(option.key)
        return change

    def _hear(self, key: Key, opening: Opening | None) -> None:
        now, breaker = self._clock(), self._census.health(key).breaker
        if breaker.adopt(opening, now):
            self._show(key, breaker.standing(now))

    def _log_change(self, option: Option, breaker: Breaker, now: float) -> None:
        log = self._log.bind(deployment=option.deployment.name, model=option.model)
        opening = breaker.opening
        if opening is None:
            log.info("breaker_closed")
            return
        log.warning("breaker_opened", reason=opening.reason.value, seconds=round(opening.until - now, 3))
        if opening.reason is Reason.CREDENTIALS:
            remedy = "set the variable that the provider's api_key_env names to a key that it takes, and restart"
            log.error("provider_refused_credentials", provider=option.deployment.provider, remedy=remedy)

    def _show(self, key: Key, standing: Standing) -> None:
        self._metrics.breaker.labels(*key).set(standing.value)


def _changed(before: Catalog, after: Catalog) -> set[str]:
    """The deployments that are not what they were, or whose providers are not."""
    known = before.deployments()
    return {
        name
        for name, deployment in after.deployments().items()
        if (old := known.get(name)) is not None
        and (old, before.provider(old.provider)) != (deployment, after.provider(deployment.provider))
    }
