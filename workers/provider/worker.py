"""Wiring: `routed` in; deltas, `completed` or `failed`, and a usage row an attempt out."""

from collections.abc import Sequence

import orjson

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.registry import template_of
from infra.catalog import Catalog, Deployment
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome, Publication
from infra.dispatch.stage import Stage, StageSpec
from infra.streams import provider_subscriptions
from workers.context import Worker, WorkerContext
from workers.provider.caller import Caller
from workers.provider.calls import STAGE
from workers.provider.cancellation import Cancellations
from workers.provider.journal import Journal, OvertakenError
from workers.provider.leftovers import leftover_providers
from workers.provider.providers import ProviderPool
from workers.provider.records import row_owed
from workers.provider.recovery import Holder, Past, Recovery, may_have_past
from workers.provider.relay import relay_for
from workers.provider.run import Run


def build(context: WorkerContext) -> Worker:
    """The provider worker: one stage a provider, so that a slow one fills its own slots and no other's."""
    connection, settings = context.connection, context.settings
    pool = ProviderPool(context.catalog.current, settings.provider_concurrency)
    context.catalog.on_change(pool.apply)
    gone, recovery = Cancellations(), Recovery(connection.client, connection.js)
    caller = Caller(pool, context.tracer, gone)
    emitter = Emitter(context.publisher, context.tracer)

    async def handle(job: Job) -> Outcome:
        with recovery.holding(job):
            try:
                return await _handle(job, await recovery.past_of(job))
            except OvertakenError:
                # A copy of a message that was worked on, delivered as if it were new: now its past is looked up.
                return await _handle(job, await recovery.whole_past_of(job))

    async def _handle(job: Job, past: Past) -> Outcome:
        if past.terminal is not None:
            return Outcome("already_terminal", _owed(job, past))
        if past.holder is not Holder.NOBODY:
            return Outcome("held_elsewhere", ack=past.holder is Holder.A_COPY)
        for row in _owed(job, past):
            await emitter.emit(job, row)
        return await _run(job, past)

    async def _run(job: Job, past: Past) -> Outcome:
        request = orjson.loads(job.body)["request"]
        chosen = _still_there(context.catalog.current, job.headers[envelope.DEPLOYMENTS].split(","))
        relay = relay_for(connection.client, job, request)
        journal = Journal(job, past, emitter, recovery)
        run = Run(job, request, chosen, relay, caller=caller, emitter=emitter, gone=gone, journal=journal)
        return await run.to_the_end(settings.provider_attempts)

    def _owed(job: Job, past: Past) -> tuple[Publication, ...]:
        last, deployments = past.last_attempt, context.catalog.current.deployments()
        return () if last is None else (row_owed(job, last, past.terminal, deployments.get(last.deployment)),)

    async def owed(job: Job) -> tuple[Publication, ...]:
        """Of a request that is given up: the call in which a worker died has its row all the same."""
        return _owed(job, await recovery.written_past_of(job)) if may_have_past(job) else ()

    async def open_() -> None:
        await gone.listen(connection.client)
        await recovery.listen()

    width = settings.provider_concurrency
    spec = StageSpec("provider", template_of("inference.routed"), identify_forwarded, width, owed=owed)

    def stages(*more: str) -> tuple[Stage, ...]:
        names = (*(provider.name for provider in context.catalog.current.providers), *more)
        return tuple(Stage(spec, handle, provider_subscriptions(name, width)) for name in names)

    async def wanted() -> tuple[Stage, ...]:
        known = {provider.name for provider in context.catalog.current.providers}
        return stages(*await leftover_providers(connection.js, known))

    return Worker(stages(), open_, pool.close, wanted)


def _still_there(catalog: Catalog, names: Sequence[str]) -> list[Deployment]:
    """Those that the catalogue has now: it may be another one than the router's, for a second or for good.

    Raises `PenstockError` (`model_not_found`) where it has none; the redeliveries bridge the second.
    """
    deployments = catalog.deployments()
    found = [deployments[name] for name in names if name in deployments]
    if not found:
        message = "the model is not in the catalogue any more: no deployment of it is left"
        raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, retryable=True)
    return found
