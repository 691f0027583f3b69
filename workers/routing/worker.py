"""Wiring: `uncached` in, `routed` or `failed` out."""

from random import Random

from contracts import envelope, subjects
from contracts.inference import ANTHROPIC_COUNT_TOKENS
from contracts.registry import template_of
from contracts.route import encode_route
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome, completed, forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.telemetry import names
from workers.context import Worker, WorkerContext
from workers.routing.choose import choose
from workers.routing.count_tokens import can_count, counted


def build(context: WorkerContext) -> Worker:
    """The routing worker."""
    random = Random()

    async def handle(job: Job) -> Outcome:
        asked, residency = job.headers.get(envelope.MODEL, ""), job.headers.get(envelope.RESIDENCY)
        route = choose(context.catalog.current, asked, residency, random)
        if job.headers.get(envelope.API) == ANTHROPIC_COUNT_TOKENS and not can_count(context.catalog.current, route):
            return Outcome("completed", (completed(job, counted(job.headers, job.request_id, job.body, route)),))
        first = route.first
        job.span.attributes[names.ROUTE] = route.reason
        job.span.attributes[names.DEPLOYMENT] = first.name
        if residency is not None:
            job.span.attributes[names.RESIDENCY] = residency
        found = {envelope.DEPLOYMENTS: encode_route(route.tiers), envelope.ROUTE: route.reason}
        if route.long_context:
            found[envelope.LONG_CONTEXT] = encode_route(route.long_context)
        return forwarded(job, "inference.routed", subjects.routed(job.lane, first.provider), found)

    spec = StageSpec(
        "routing", template_of("inference.uncached"), identify_forwarded, context.settings.stage_concurrency
    )
    return Worker((Stage(spec, handle, context.subscriptions["routing"]),))
