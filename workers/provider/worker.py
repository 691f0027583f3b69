"""Wiring: `routed` in; deltas, `completed` or `failed`, and a usage row an attempt out."""

from contracts.registry import template_of
from infra.budgets.advances import Advances
from infra.budgets.reservation import Reservations
from infra.counters import Counters
from infra.dispatch.emit import Emitter
from infra.dispatch.job import identify_forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.limits.windows import Windows
from infra.prices import PriceBook
from infra.streams import ROUTED, provider_subscriptions
from infra.telemetry.metrics import ProviderMetrics
from infra.telemetry.prompt_metrics import GenAiMetrics
from workers.context import Worker, WorkerContext
from workers.leftovers import leftover_providers
from workers.provider.audience import Audience
from workers.provider.breaker_store import BreakerStore
from workers.provider.breaker_watch import BreakerWatch
from workers.provider.budgets import Budgets, Estimates
from workers.provider.caller import Caller
from workers.provider.calls import STAGE
from workers.provider.cancellation import Cancellations
from workers.provider.fleet import Fleet
from workers.provider.handling import Handling
from workers.provider.health import Census
from workers.provider.make import Tools
from workers.provider.providers import ProviderPool
from workers.provider.rate_limits import RateLimits
from workers.provider.recovery import Recovery


def build(context: WorkerContext) -> Worker:
    """The provider worker: one stage a provider, so that a slow one fills its own slots and no other's."""
    connection, settings = context.connection, context.settings
    pool = ProviderPool(context.catalog.current, settings.provider_concurrency)
    context.catalog.on_change(pool.apply)
    audience, recovery = Audience(connection.client, connection.js), Recovery(connection.client, connection.js)
    gone, prices = Cancellations(audience.waits_for), PriceBook()
    census, metrics, log = Census(), ProviderMetrics(context.registry), context.log
    watch = BreakerWatch(census, BreakerStore(connection.client, connection.js, log), metrics, log)
    context.catalog.on_change(watch.follow)
    limits = RateLimits(Windows(Counters(connection.acks, connection.js, STAGE)), log)
    reservations = Reservations(settings.require_postgres_url(), STAGE)
    estimates = Estimates(settings.reserved_output_tokens, settings.reservation_margin)
    advances = Advances(reservations, connection.client)
    budgets = Budgets(context.policies, reservations, advances, prices, context.catalog, estimates=estimates)
    tools = Tools(
        caller=Caller(pool, context.tracer, gone, prices, GenAiMetrics(context.registry, context.tenants)),
        emitter=Emitter(context.publisher, context.tracer),
        fleet=Fleet(census, watch, limits, metrics),
        gone=gone,
        prices=prices,
        budgets=budgets,
        max_attempts=settings.provider_attempts,
    )
    handling = Handling(context.catalog, connection.client, connection.js, recovery, audience, tools)

    async def open_() -> None:
        await gone.listen(connection.client)
        await recovery.listen()
        await audience.listen()
        await budgets.open()
        await watch.follow(context.catalog.current)
        await watch.open()

    async def close() -> None:
        await tools.fleet.close()
        await watch.close()
        await pool.close()
        await budgets.close()

    width = settings.provider_concurrency
    spec = StageSpec("provider", template_of("inference.routed"), identify_forwarded, width, owed=handling.owed)

    def stages(*more: str) -> tuple[Stage, ...]:
        names = (*(provider.name for provider in context.catalog.current.providers), *more)
        return tuple(Stage(spec, handling.handle, provider_subscriptions(name, width)) for name in names)

    async def wanted() -> tuple[Stage, ...]:
        known = {provider.name for provider in context.catalog.current.providers}
        return stages(*await leftover_providers(connection.js, ROUTED, "provider", known))

    return Worker(stages(), open_, close, wanted)
