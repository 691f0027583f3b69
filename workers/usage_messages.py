"""Usage messages: what each says of its request, and how it is published."""

from typing import Any

from contracts import envelope, subjects
from contracts.tags import tags_of
from contracts.usage import UsageRecorded
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication


def facts_of(job: Job) -> dict[str, Any]:
    """The fields of `UsageRecorded` that the envelope knows."""
    return {
        "request_id": job.request_id,
        "tenant": job.tenant,
        "key_id": job.headers.get(envelope.KEY_ID),
        "lane": job.lane,
        "api": job.headers[envelope.API],
        "model": job.headers[envelope.MODEL],
        "stream": job.headers.get(envelope.STREAM) == "true",
        "trace_id": f"{job.span.context.trace_id:032x}",
        "route": job.headers.get(envelope.ROUTE),
        "cache": job.headers.get(envelope.CACHE_STATUS),
        "tags": tags_of(job.headers),
    }


def usage_message(job: Job, key: str, row: UsageRecorded) -> Publication:
    """`key` tells the rows of a request apart: a message of the same key is the same row."""
    return Publication(
        event="usage.recorded",
        subject=subjects.usage_recorded(job.tenant),
        key=f"{job.tenant}.{job.request_id}.{key}",
        body=row.model_dump_json(exclude_none=True).encode(),
    )
