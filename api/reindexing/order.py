"""Orders a re-index: its row first, so that it can be asked for, and then the message that a worker goes on with."""

from api.gateway import Gateway
from api.served import Call
from api.submit import publish
from contracts import envelope, subjects
from contracts.errors import PenstockError
from contracts.reindex import ReindexRequested, ReindexState
from infra.dispatch.outcome import Publication
from infra.index.jobs import Reindex, ReindexJobs, Wish

_EVENT = "reindex.requested"


async def order(gateway: Gateway, call: Call, request: ReindexRequested) -> Reindex:
    """Its row. `request.store` is a store's id. Raises `PenstockError`: then nothing will come of it."""
    jobs, tenant = ReindexJobs(gateway.documents), call.tenant
    # One without a message would be waited for in vain.
    for unbegun in await jobs.unbegun(tenant, request.store):
        await _send(gateway, call, unbegun.request)
    job = await jobs.create(tenant, request.store, request)
    try:
        await _send(gateway, call, request)
    except PenstockError as error:
        # A row without a message would keep every other re-index of the store out.
        await jobs.end(tenant, job.id, ReindexState.FAILED, reason=error.message)
        raise
    return job


async def wish(gateway: Gateway, call: Call, store_id: str, job_id: str, wanted: Wish) -> Reindex:
    """Its row, with what its owner wishes now. Raises `PenstockError`; said once more, it is the same wish."""
    job = await ReindexJobs(gateway.documents).wish(call.tenant, store_id, job_id, wanted)
    if job.state == ReindexState.REQUESTED:
        await _send(gateway, call, job.request)
    elif job.state == ReindexState.PAUSED and wanted != Wish.PAUSE:
        # No worker has it in hand; and the server has seen its message before.
        await _send(gateway, call, job.request, again=f".{job.updated_at.timestamp():.6f}")
    return job


async def _send(gateway: Gateway, call: Call, request: ReindexRequested, *, again: str = "") -> None:
    """Whoever ordered it may have died before this. Sent twice, it is the same message, or another of the same work."""
    message = Publication(
        event=_EVENT,
        subject=subjects.reindex("requested", call.tenant, request.job_id),
        key=f"{call.tenant}.{request.job_id}.{_EVENT}{again}",
        body=request.model_dump_json(exclude_none=True).encode(),
        headers={
            envelope.REQUEST_ID: request.job_id,
            envelope.TENANT: call.tenant,
            envelope.KEY_ID: call.principal.key_id,
        },
    )
    await publish(gateway, message, call.visit)
