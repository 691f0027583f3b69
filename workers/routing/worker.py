"""Wiring: `uncached` in, `routed` or `failed` out."""

from random import Random

from contracts import envelope, subjects
from contracts.inference import ANTHROPIC_COUNT_TOKENS
from contracts.registry import template_of
from contracts.route import encode_route
from infra.catalog import Catalog
from infra.catalog.router import Router
from infra.catalog.trained import TrainedBucket
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome, completed, forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.telemetry import names
from infra.telemetry.prompt_metrics import RouteMetrics
from workers.context import Worker, WorkerContext
from workers.routing.auto import Auto
from workers.routing.choose import STAGE, Route
from workers.routing.count_tokens import can_count, counted
from workers.routing.nearness import Nearness
from workers.routing.resolved import Resolver
from workers.routing.signals import HeardSignals
from workers.routing.taking_over import TakingOver
from workers.routing.training import Training


def build(context: WorkerContext) -> Worker:
    """The routing worker."""
    signals = HeardSignals(context.connection.client, context.log)
    training = Training(context.local_models)
    auto = Auto(training, signals)
    taking_over = TakingOver(TrainedBucket(context.connection.js), training, context.catalog, context.log)
    resolver = Resolver(auto, Nearness(context.connection.client, context.log), context.policies, Random())
    metrics = RouteMetrics(context.registry)

    async def handle(job: Job) -> Outcome:
        catalog = context.catalog.current
        route = await resolver.route(job, catalog)
        metrics.count(route.reason, route.first.name)
        if job.headers.get(envelope.API) == ANTHROPIC_COUNT_TOKENS and not can_count(catalog, route):
            return Outcome("completed", (completed(job, counted(job.headers, job.request_id, job.body, route)),))
        return forwarded(job, "inference.routed", subjects.routed(job.lane, route.first.provider), _found(job, route))

    async def open_all() -> None:
        await signals.open()
        await taking_over.open()
        if _is_configured(context.catalog.current):
            await auto.warm(context.catalog.current)

    spec = StageSpec(STAGE, template_of("inference.uncached"), identify_forwarded, context.settings.stage_concurrency)
    return Worker((Stage(spec, handle, context.subscriptions[STAGE]),), open_all, taking_over.close)


def _found(job: Job, route: Route) -> dict[str, str]:
    """What the next stages need to know; the span says it too."""
    job.span.attributes[names.ROUTE] = route.reason
    job.span.attributes[names.DEPLOYMENT] = route.first.name
    if residency := job.headers.get(envelope.RESIDENCY):
        job.span.attributes[names.RESIDENCY] = residency
    found = {envelope.DEPLOYMENTS: encode_route(route.tiers), envelope.ROUTE: route.reason}
    if route.long_context:
        found[envelope.LONG_CONTEXT] = encode_route(route.long_context)
    return found


def _is_configured(catalog: Catalog) -> bool:
    """Whether somebody means to use the router: without that, whoever asks first waits for the training."""
    return catalog.router != Router()
