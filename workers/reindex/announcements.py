"""What a re-index says to others: documents to be indexed, how far it has come, how it ended."""

import hashlib

from contracts import envelope, subjects
from contracts.documents import DocumentSubmitted
from contracts.reindex import ReindexCompleted, ReindexProgressed
from contracts.subjects import Lane
from infra.dispatch.outcome import Publication
from infra.index.jobs import Reindex
from infra.index.reindexing import Pending


def submission_of(job: Reindex, version: int, document: Pending, attempt: int) -> Publication:
    """A document for one version only. The same content of a document at the same attempt is the same message."""
    seed = f"{job.id}\0{document.document_id}\0{document.sha256.hex()}\0{attempt}".encode("utf-8", "surrogatepass")
    submission_id = f"reindex-{hashlib.sha256(seed).hexdigest()[:32]}"
    body = DocumentSubmitted(
        submission_id=submission_id,
        store=job.store_id,
        document_id=document.document_id,
        only_version=version,
        attributes={},
    )
    return Publication(
        event="documents.submitted",
        subject=subjects.submitted(Lane.BATCH, job.tenant_id),
        key=f"{job.tenant_id}.{submission_id}.documents.submitted",
        body=body.model_dump_json(exclude_none=True).encode(),
        headers={envelope.REQUEST_ID: submission_id},
        apart=True,
    )


def progressed(job: Reindex) -> Publication:
    """How far it has come."""
    body = ReindexProgressed(
        job_id=job.id,
        store_id=job.store_id,
        version=job.version_id,
        state=job.state,
        done=job.done,
        failed=job.failed,
        pending=job.pending,
        rate=job.rate,
        eta_seconds=job.eta_seconds,
    )
    return _told("progressed", job.tenant_id, body, key=f"{job.updated_at.timestamp():.6f}")


def completed(tenant: str, ended: ReindexCompleted) -> Publication:
    """How it ended."""
    return _told("completed", tenant, ended, key="end")


def end_of(job: Reindex) -> ReindexCompleted:
    """What is told of a re-index that has ended."""
    return ReindexCompleted(
        job_id=job.id,
        store_id=job.store_id,
        version=job.version_id,
        state=job.state,
        reason=job.reason,
        done=job.done,
        failed=job.failed,
        quality=None if job.quality is None else dict(job.quality),
    )


def _told(event: str, tenant: str, body: ReindexProgressed | ReindexCompleted, *, key: str) -> Publication:
    return Publication(
        event=f"reindex.{event}",
        subject=subjects.reindex(event, tenant, body.job_id),
        key=f"{tenant}.{body.job_id}.reindex.{event}.{key}",
        body=body.model_dump_json(exclude_none=True).encode(),
        carry=False,
    )
