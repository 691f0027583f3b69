"""Orders a re-index: its row first, so that it can be asked for, and then the message that a worker goes on with."""

from api.gateway import Gateway
from api.served import Call
from api.submit import publish
from contracts import envelope, subjects
from contracts.errors import PenstockError
from contracts.reindex import ReindexRequested, ReindexState
from infra.dispatch.outcome import Publication
from infra.index.jobs import Reindex, ReindexJobs

_EVENT = "reindex.requested"


async def order(gateway: Gateway, call: Call, request: ReindexRequested) -> Reindex:
    """Its row. `request.store` is a store's id. Raises `PenstockError`: then nothing will come of it."""
    jobs, tenant = ReindexJobs(gateway.documents), call.tenant
    job = await jobs.create(tenant, request.store, request)
    message = Publication(
        event=_EVENT,
        subject=subjects.reindex("requested", tenant, request.job_id),
        key=f"{tenant}.{request.job_id}.{_EVENT}",
        body=request.model_dump_json(exclude_none=True).encode(),
        headers={
            envelope.REQUEST_ID: request.job_id,
            envelope.TENANT: tenant,
            envelope.KEY_ID: call.principal.key_id,
        },
    )
    try:
        await publish(gateway, message, call.visit)
    except PenstockError as error:
        # A row without a message would keep every other re-index of the store out.
        await jobs.end(tenant, job.id, ReindexState.FAILED, reason=error.message)
        raise
    return job
