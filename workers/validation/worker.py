"""Wiring: `requested` in, `validated` or `failed` out."""

import time

from contracts import subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.registry import template_of
from contracts.subjects import Lane
from infra.dispatch.job import Job, identify_requested
from infra.dispatch.outcome import Outcome, forwarded
from infra.dispatch.stage import Stage, StageSpec
from workers.context import Worker, WorkerContext
from workers.validation.validate import findings, from_outside, validate


def build(context: WorkerContext) -> Worker:
    """The validation worker."""
    settings = context.settings
    patience = {Lane.INTERACTIVE: settings.request_timeout, Lane.BATCH: settings.results_async_age}

    async def handle(job: Job) -> Outcome:
        job.headers = from_outside(job.headers)
        checked = validate(job.body, job.request_id)
        deadline = checked.contract.deadline
        if deadline is not None and deadline.timestamp() <= time.time():
            raise PenstockError(ErrorCode.DEADLINE_EXCEEDED, "the deadline has passed", stage="validation")
        found = findings(checked, job.tenant, job.position.stored_at + patience[job.lane])
        return forwarded(job, "inference.validated", subjects.validated(job.lane, job.tenant), found)

    spec = StageSpec("validation", template_of("inference.requested"), identify_requested, settings.stage_concurrency)
    return Worker((Stage(spec, handle, context.subscriptions["validation"]),))
