"""Prompts that wait for another request's answer: they get it, or its failure, or one of them takes its place."""

import orjson

from contracts import envelope
from contracts.cache import CacheStored
from contracts.errors import ErrorCode
from contracts.inference import InferenceCompleted, InferenceFailed
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, failed
from infra.results import Terminal
from workers.cache.answering import COALESCED, MISS, SEMANTIC, Answering, miss
from workers.cache.entry import entry_of, worth_keeping
from workers.cache.flights import Flights
from workers.cache.standing import Standing

_OWN = frozenset({ErrorCode.CANCELLED, ErrorCode.DEADLINE_EXCEEDED})
"""Failures that say nothing of the prompt, and nothing of the models."""
_OF_A_KEY = frozenset({ErrorCode.INSUFFICIENT_QUOTA, ErrorCode.PRICE_UNKNOWN, ErrorCode.PERMISSION_DENIED})


class Waiting:
    """The handler of `inference.waiting`."""

    def __init__(self, standing: Standing, flights: Flights, answering: Answering) -> None:
        self._standing = standing
        self._flights = flights
        self._answering = answering

    async def handle(self, job: Job) -> Outcome:
        """Raises `PenstockError` where the deadline passes first, or the caller leaves."""
        if (outcome := await self._answering.before(job)) is not None:
            return outcome
        key, over = job.headers[envelope.CACHE_KEY], None
        while True:
            found = await self._standing.of(job, key, over)
            if found is None:
                return miss(job, MISS, key)
            if isinstance(found, CacheStored):
                return await self._answer(job, found)
            ended = await self._flights.end_of(found, job)
            if ended is None:
                continue
            if (outcome := await self._shared(job, ended)) is not None:
                return outcome
            over = found

    async def _shared(self, job: Job, ended: Terminal) -> Outcome | None:
        """What the leader's end is to this request; None where it has to be asked again."""
        outcome = ended.outcome()
        together = (ended.stored_at or 0.0) >= job.position.stored_at
        if isinstance(outcome, InferenceCompleted):
            # An answer to another question was found for that request; what was verified of it counts once.
            shared = not outcome.cache.startswith(SEMANTIC) and (together or worth_keeping(outcome))
            return await self._answer(job, entry_of(outcome)) if shared else None
        if together and is_shared(outcome, ended.headers.get(envelope.KEY_ID), job.headers.get(envelope.KEY_ID)):
            return Outcome("failed", (failed(job, outcome.error.to_error(), model=outcome.model),))
        return None

    async def _answer(self, job: Job, entry: CacheStored) -> Outcome:
        return await self._answering.answer(job, orjson.loads(job.body)["request"], entry, COALESCED)


def is_shared(failure: InferenceFailed, leader_key: str | None, key: str | None) -> bool:
    """Whether the leader's failure would be the follower's too: its own retries and failovers are behind it.

    Not where its caller left or its deadline passed; nor where its key may not, and the other is of another key.
    """
    code = failure.error.code
    return code not in _OWN and (code not in _OF_A_KEY or leader_key == key)
