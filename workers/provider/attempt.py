"""Which of a request's calls this is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from contracts import envelope
from infra.catalog import Deployment
from infra.dispatch.job import Job


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which call this is. The idempotency key names it to the provider, so that both sides count the same calls."""

    number: int
    deployment: Deployment
    provider_model: str
    idempotency_key: str
    started_at: datetime


def new_attempt(job: Job, deployment: Deployment, number: int) -> Attempt:
    """The next call for a job."""
    return Attempt(
        number=number,
        deployment=deployment,
        provider_model=deployment.provider_model(job.headers[envelope.MODEL]),
        idempotency_key=f"{job.tenant}.{job.request_id}.{number}",
        started_at=datetime.now(UTC),
    )
