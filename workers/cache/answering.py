"""An answer that was there, or that another request got, as the end of this one."""

import time

from nats.js import JetStreamContext

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.apis.translate import Origin
from contracts.cache import BYPASS, MISS, CacheStored
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, completed, forwarded
from infra.responses import kept, place_of
from infra.results import find_terminal
from infra.telemetry import names
from workers.cache.entry import answer_from
from workers.cache.saving import saving
from workers.cache.store import Lead


class Answering:
    """Ends requests, or sends them on."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def answer(self, job: Job, request: Json, entry: CacheStored, status: str, deltas: int = 0) -> Outcome:
        """The request ends with the entry's answer, of which `deltas` were sent before. Raises `PenstockError`."""
        job.span.attributes[names.CACHE] = status
        # It is no answer of its own that would have to be kept.
        job.headers = {name: value for name, value in job.headers.items() if name != envelope.CACHE_KEY}
        if entry.confidential:
            # No router has seen this request, which would have found so.
            job.headers |= {envelope.RESIDENCY: "local", envelope.CONFIDENTIAL: "true"}
        place = await place_of(self._js, job, request)
        origin = Origin(job.request_id, place.created_at if place else int(time.time()))
        answer = answer_from(entry, origin, job.headers[envelope.API], request)
        answer = answer.model_copy(update={"cache": status, "deltas": deltas})
        stored = kept(job, request, answer.response, place)
        return Outcome("completed", (*stored, completed(job, answer), saving(job, entry, status)))

    async def before(self, job: Job) -> Outcome | None:
        """The outcome of a redelivery whose request has ended since; None for any other message.

        It may be its own answer that is in the cache by now: that was no hit.
        """
        if job.position.deliveries == 1:
            return None
        ended = await find_terminal(self._js, job.lane, job.tenant, job.request_id)
        return None if ended is None else Outcome("already_terminal", ended=ended.outcome())


def bypass(job: Job, key: str | None) -> Outcome:
    """The prompt goes on to a model, whatever there is; the answer may be kept under `key`."""
    return _on(job, BYPASS, {} if key is None else {envelope.CACHE_KEY: key})


def miss(job: Job, key: str, lead: Lead) -> Outcome:
    """The prompt goes on to a model, for itself and for all who ask the same meanwhile."""
    flight = {envelope.FLIGHT: str(lead.sequence)} if lead.sequence else {}
    return _on(job, MISS, {envelope.CACHE_KEY: key, **flight})


def waits(job: Job, key: str) -> Outcome:
    """The prompt waits for the answer to another one."""
    subject = subjects.waiting(job.lane, job.tenant, key)
    return forwarded(job, "inference.waiting", subject, {envelope.CACHE_KEY: key})


def _on(job: Job, status: str, found: dict[str, str]) -> Outcome:
    job.span.attributes[names.CACHE] = status
    uncached = subjects.uncached(job.lane, job.tenant)
    return forwarded(job, "inference.uncached", uncached, {envelope.CACHE_STATUS: status, **found})
