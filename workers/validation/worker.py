"""Wiring: `requested` in, `validated`, `ungrounded` or `failed` out; `limits.released` in, nothing out."""

import time
from collections.abc import Sequence

import orjson

from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_RESPONSES
from contracts.registry import template_of
from contracts.subjects import Lane
from infra.access.policy import Limit
from infra.counters import Counters
from infra.database.engine import create_engine
from infra.dispatch.job import Job, identify_requested
from infra.dispatch.outcome import Outcome, failed, forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.limits.ahead import Ahead
from infra.limits.leases import Leases
from infra.responses import ResponseStore
from infra.telemetry import names
from infra.telemetry.told import told
from workers.context import Worker, WorkerContext
from workers.door import admitted, require_own_ingress
from workers.validation.conversation import goes_on, with_earlier
from workers.validation.limits import LimitedError, Limiter, tokens_of
from workers.validation.permission import require_allowed
from workers.validation.releases import release_stage
from workers.validation.validate import STAGE, Checked, findings, from_outside, validate, without_grounds


def build(context: WorkerContext) -> Worker:
    """The validation worker."""
    settings = context.settings
    patience = {Lane.INTERACTIVE: settings.request_timeout, Lane.BATCH: settings.results_async_age}
    engine = create_engine(settings, pool_size=2)
    store = ResponseStore(context.connection.js, engine, STAGE)
    ahead = Ahead(Counters(context.connection.acks, context.connection.js, STAGE), context.connection.client)
    leases = Leases(settings.require_postgres_url(), STAGE)
    limiter = Limiter(ahead, leases)

    async def handle(job: Job) -> Outcome:
        try:
            return await _handle(job)
        except LimitedError as error:
            job.span.add_event(names.LIMITER_REFUSED, {names.REASON: told(error)})
            return Outcome("limited", (failed(job, error),))

    async def _handle(job: Job) -> Outcome:
        require_own_ingress(job, STAGE, accounts=settings.nats_creds is not None)
        job.headers = from_outside(await admitted(job, context.policies, STAGE))
        checked = validate(job.body, job.request_id)
        deadline = checked.contract.deadline
        if deadline is not None and deadline.timestamp() <= time.time():
            raise PenstockError(ErrorCode.DEADLINE_EXCEEDED, "the deadline has passed", stage=STAGE)
        policy = await context.policies.of(job.tenant, job.headers.get(envelope.KEY_ID))
        chosen = context.catalog.current.alias(checked.model) is not None
        require_allowed(policy, checked.model, checked.contract.request, chosen=chosen)
        found = findings(checked, job.tenant, job.position.stored_at + patience[job.lane], cached=policy.cached)
        if checked.contract.api == OPENAI_RESPONSES and goes_on(checked.contract.request):
            found |= await _go_on(job, checked)
        if checked.contract.grounds is not None:
            job.body = without_grounds(job.body)
        if limits := policy.limits_of(checked.model):
            await _count(job, checked, limits, found[envelope.DEADLINE])
        if checked.searches:
            return forwarded(job, "inference.ungrounded", subjects.ungrounded(job.lane, job.tenant), found)
        return forwarded(job, "inference.validated", subjects.validated(job.lane, job.tenant), found)

    async def _go_on(job: Job, checked: Checked) -> dict[str, str]:
        """Put the conversation into the job's body. What was answered from confidential documents stays local."""
        whole = await with_earlier(store, job.tenant, checked.contract.request)
        more = {"residency": "local"} if whole.confidential else {}
        job.body = orjson.dumps({**orjson.loads(job.body), "request": whole.request, **more})
        return {envelope.RESIDENCY: "local", envelope.CONFIDENTIAL: "true"} if whole.confidential else {}

    async def _count(job: Job, checked: Checked, limits: Sequence[Limit], deadline: str) -> None:
        """Last of all: what is refused for another reason counts nowhere."""
        api, request, tokens = checked.contract.api, checked.contract.request, 0
        if any(limit.tokens_per_minute is not None for limit in limits):
            # A whole conversation is in the body alone.
            longer = api == OPENAI_RESPONSES and goes_on(request)
            tokens = tokens_of(api, orjson.loads(job.body)["request"] if longer else request)
        await limiter.count(job, limits, tokens, envelope.parse_deadline(deadline))

    async def close() -> None:
        await ahead.close()
        await leases.end()
        await engine.dispose()

    width = settings.stage_concurrency
    spec = StageSpec(STAGE, template_of("inference.requested"), identify_requested, width)
    releases = release_stage(ahead.windows, leases, context.subscriptions["limits"], width)
    return Worker((Stage(spec, handle, context.subscriptions["validation"]), releases), ahead.open, close)
