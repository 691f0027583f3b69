"""The JSON of index versions and re-indexes. Pure."""

from api.documents.shapes import seconds
from api.served import Json
from infra.index.jobs import Reindex
from infra.index.version import IndexVersion, VersionStatistics


def version_object(version: IndexVersion, held: VersionStatistics) -> Json:
    """A version, and what it holds. Sizes in bytes, times in seconds since 1970."""
    return {
        "id": version.id,
        "object": "index.version",
        "state": version.state,
        "model": version.model,
        "revision": version.revision,
        "dimension": version.dimension,
        "chunker": dict(version.chunker),
        "chunks": held.chunks,
        "documents": dict(held.documents),
        "bytes": held.bytes,
        "created_at": seconds(version.created_at),
        "switched_at": None if version.switched_at is None else seconds(version.switched_at),
        "quality": None if version.quality is None else dict(version.quality),
    }


def job_object(job: Reindex) -> Json:
    """A re-index. `wish` is what its owner said last; `state` follows as soon as a worker has read it."""
    return {
        "id": job.id,
        "object": "reindex.job",
        "store_id": job.store_id,
        "version": job.version_id,
        "catches_up": not job.builds,
        "state": job.state,
        "wish": job.wish,
        "done": job.done,
        "failed": job.failed,
        "pending": job.pending,
        "total": job.total,
        "rate": job.rate,
        "eta_seconds": job.eta_seconds,
        "reason": job.reason,
        "quality": None if job.quality is None else dict(job.quality),
        "created_at": seconds(job.created_at),
    }
