"""Wiring: `requested` in, `validated`, `ungrounded` or `failed` out."""

import time

import orjson

from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_RESPONSES
from contracts.registry import template_of
from contracts.subjects import Lane
from infra.database.engine import create_engine
from infra.dispatch.job import Job, identify_requested
from infra.dispatch.outcome import Outcome, forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.responses import ResponseStore
from workers.context import Worker, WorkerContext
from workers.door import admitted, require_own_ingress
from workers.validation.conversation import goes_on, with_earlier
from workers.validation.permission import require_allowed
from workers.validation.validate import STAGE, Checked, findings, from_outside, validate, without_grounds


def build(context: WorkerContext) -> Worker:
    """The validation worker."""
    settings = context.settings
    patience = {Lane.INTERACTIVE: settings.request_timeout, Lane.BATCH: settings.results_async_age}
    engine = create_engine(settings, pool_size=2)
    store = ResponseStore(context.connection.js, engine, STAGE)

    async def handle(job: Job) -> Outcome:
        require_own_ingress(job, STAGE, accounts=settings.nats_creds is not None)
        job.headers = from_outside(await admitted(job, context.policies, STAGE))
        checked = validate(job.body, job.request_id)
        deadline = checked.contract.deadline
        if deadline is not None and deadline.timestamp() <= time.time():
            raise PenstockError(ErrorCode.DEADLINE_EXCEEDED, "the deadline has passed", stage=STAGE)
        policy = await context.policies.of(job.tenant, job.headers.get(envelope.KEY_ID))
        require_allowed(policy, checked.model, checked.contract.request)
        found = findings(checked, job.tenant, job.position.stored_at + patience[job.lane])
        if checked.contract.api == OPENAI_RESPONSES and goes_on(checked.contract.request):
            found |= await _go_on(job, checked)
        if checked.contract.grounds is not None:
            job.body = without_grounds(job.body)
        if checked.searches:
            return forwarded(job, "inference.ungrounded", subjects.ungrounded(job.lane, job.tenant), found)
        return forwarded(job, "inference.validated", subjects.validated(job.lane, job.tenant), found)

    async def _go_on(job: Job, checked: Checked) -> dict[str, str]:
        """Put the conversation into the job's body. What was answered from confidential documents stays local."""
        whole = await with_earlier(store, job.tenant, checked.contract.request)
        more = {"residency": "local"} if whole.confidential else {}
        job.body = orjson.dumps({**orjson.loads(job.body), "request": whole.request, **more})
        return {envelope.RESIDENCY: "local", envelope.CONFIDENTIAL: "true"} if whole.confidential else {}

    spec = StageSpec(STAGE, template_of("inference.requested"), identify_requested, settings.stage_concurrency)
    return Worker((Stage(spec, handle, context.subscriptions["validation"]),), close=engine.dispose)
