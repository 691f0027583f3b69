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

    async def of(self, job: Job, key: str, ended: Lead | None = None) -> CacheStored | Lead | None:
        """The entry, or the other request that is making it. None: it is this one that makes it now.

        `ended` is who led and has left nothing: nobody waits for that one again.
        """
        for attempt in range(_TRIES):
            found = await self._store.find(job.tenant, key, newest=attempt > 0 or ended is not None)
            if isinstance(found, CacheStored):
                return found
            if found is not None and found.request_id == job.request_id:
                return None
            if found is not None and found != ended and not _gives_way(found, job):
                return found
            if await self._store.lead(job, key, after=found.sequence if found else 0):
                return None
        # So many came and went in between: one more call does no harm.
        return None


def _gives_way(lead: Lead, job: Job) -> bool:
    """No person waits for bulk work."""
    return lead.lane is Lane.BATCH and job.lane is Lane.INTERACTIVE
