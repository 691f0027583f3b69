"""Wiring: `uncached` in, `routed` or `failed` out."""

from contracts import envelope, subjects
from contracts.registry import template_of
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome, forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.telemetry import names
from workers.context import Worker, WorkerContext
from workers.routing.choose import choose


def build(context: WorkerContext) -> Worker:
    """The routing worker."""

    async def handle(job: Job) -> Outcome:
        route = choose(context.catalog.current, job.headers.get(envelope.MODEL, ""))
        first = route.deployments[0]
        job.span.attributes[names.ROUTE] = route.reason
        job.span.attributes[names.DEPLOYMENT] = first.name
        found = {
            envelope.DEPLOYMENTS: ",".join(deployment.name for deployment in route.deployments),
            envelope.ROUTE: route.reason,
        }
        return forwarded(job, "inference.routed", subjects.routed(job.lane, first.provider), found)

    spec = StageSpec(
        "routing", template_of("inference.uncached"), identify_forwarded, context.settings.stage_concurrency
    )
    return Worker((Stage(spec, handle, context.subscriptions["routing"]),))
