"""Which models a request's tenant and key name, where that decides its answer."""

from collections.abc import Sequence

from contracts import envelope
from infra.access.policies import Policies
from infra.catalog import Catalog
from infra.dispatch.job import Job


async def allowed(policies: Policies, catalog: Catalog, job: Job) -> Sequence[frozenset[str]]:
    """`Policy.models` of a request that the router chooses a model for; none for others, which name their model.

    Raises `PenstockError` (`pipeline_unavailable`, retryable) where it can't be known.
    """
    if catalog.alias(job.headers.get(envelope.MODEL, "")) is None:
        return ()
    return (await policies.of(job.tenant, job.headers.get(envelope.KEY_ID))).models
