"""Which of a request's calls this is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from infra.catalog import Deployment
from infra.dispatch.job import Job
from workers.provider.fleet import Kind
from workers.provider.plan import Option


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which call this is. The idempotency key names it to the provider, so that both sides count the same calls."""

    number: int
    deployment: Deployment
    provider_model: str
    idempotency_key: str
    started_at: datetime
    kind: Kind = Kind.FIRST


def new_attempt(job: Job, option: Option, number: int, kind: Kind) -> Attempt:
    """The next call for a job."""
    return Attempt(
        number=number,
        deployment=option.deployment,
        provider_model=option.model,
        idempotency_key=f"{job.tenant}.{job.request_id}.{number}",
        started_at=datetime.now(UTC),
        kind=kind,
    )
