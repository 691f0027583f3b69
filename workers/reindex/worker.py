"""Wiring: `reindex.requested` in; documents for the next version, progress, and in the end `reindex.completed` out."""

from collections.abc import Mapping

from contracts.errors import ContractError
from contracts.registry import template_of
from contracts.reindex import ReindexRequested
from contracts.subjects import Lane, require_token
from infra.database.engine import create_engine
from infra.dispatch.contract import read_contract
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Identity, Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Stage, StageSpec
from workers.context import Worker, WorkerContext
from workers.door import admitted
from workers.embedders import ModelSpec, embedders_of

_STAGE = "reindex"
_CONNECTIONS = 4
_AT_ONCE = 256
"""Four times what the consumer hands out: bulk work has a quarter of the places."""


def build(context: WorkerContext) -> Worker:
    """The re-index worker."""
    engine = create_engine(context.settings, pool_size=_CONNECTIONS)
    embedders = embedders_of(context)

    async def describe(tenant: str, model: str) -> ModelSpec:
        return await embedders.describe(model, tenant=tenant)

    async def handle(job: Job) -> Outcome:
        # What reads indexes brings numpy along: a process that never re-indexes does without.
        from workers.reindex.announcements import completed
        from workers.reindex.run import Run
        from workers.reindex.tools import Tools

        job.headers = await admitted(job, context.policies, _STAGE, waits=True)
        connection, emitter = context.connection, Emitter(context.publisher, context.tracer)
        tools = Tools(engine, connection.client, connection.js, emitter, describe, context.log)
        ended = await Run(tools, job, _request(job)).to_the_end()
        # A paused one holds up no other: its row says all there is to know, and who resumes it asks for it again.
        return Outcome("paused") if ended is None else Outcome(ended.state, (completed(job.tenant, ended),))

    async def close() -> None:
        await embedders.close()
        await engine.dispose()

    spec = StageSpec(_STAGE, template_of("reindex.requested"), _identify, _AT_ONCE, terminal=False, endless=True)
    return Worker((Stage(spec, handle, context.subscriptions[_STAGE]),), embedders.open, close)


def _identify(subject: str, _: Mapping[str, str], _body: bytes) -> Identity:
    """At the batch jobs' door: tenant and job are the subject's."""
    tenant, _dot, job_id = subject.removeprefix(f"{_PREFIX}.").partition(".")
    require_token(tenant, "tenant", stage=_STAGE)
    return Identity(Lane.BATCH, tenant, require_token(job_id, "job_id", stage=_STAGE))


_PREFIX = template_of("reindex.requested").partition(".{")[0]


def _request(job: Job) -> ReindexRequested:
    """Raises `ContractError` for a message that is none, or that says another id than its subject."""
    request = read_contract(ReindexRequested, job.body, what="request to re-index", stage=_STAGE)
    if request.job_id != job.request_id:
        raise ContractError("job_id is another one than the subject's", stage=_STAGE, param="job_id")
    return request
