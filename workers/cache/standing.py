"""What there is for a prompt: an answer, somebody who is making one, or nothing, so that its own request makes it."""

from contracts.cache import CacheStored
from contracts.subjects import Lane
from infra.dispatch.job import Job
from workers.cache.store import CacheStore, Lead

_TRIES = 5


class Standing:
    """Finds it out, and settles who leads: one of all processes, as the stream takes one message after another."""

    def __init__(self, store: CacheStore) -> None:
        self._store = store

    async def of(self, job: Job, key: str, ended: Lead | None = None) -> CacheStored | Lead:
        """The entry, or the request that is making it: this one, where nobody else is.

        `ended` is who led and has left nothing: nobody waits for that one again.
        """
        for attempt in range(_TRIES):
            found = await self._store.find(job.tenant, key, newest=attempt > 0 or ended is not None)
            if isinstance(found, CacheStored):
                return found
            if found is not None and (found.request_id == job.request_id or not _over(found, ended, job)):
                return found
            if lead := await self._store.lead(job, key, after=found.sequence if found else 0):
                return lead
        # So many came and went in between: one more call does no harm.
        return Lead(job.request_id, job.lane, 0)


def _over(lead: Lead, ended: Lead | None, job: Job) -> bool:
    """Whether nobody has to wait for who leads. No person waits for bulk work."""
    return lead == ended or (lead.lane is Lane.BATCH and job.lane is Lane.INTERACTIVE)
