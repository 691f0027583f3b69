"""Prompts that wait for another request's answer: they get it, or its failure, or one of them takes its place."""

import time
from collections.abc import Awaitable, Callable

import orjson
from nats.aio.client import Client

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.apis.responses.settings import own_settings
from contracts.cache import COALESCED, SEMANTIC, CacheStored, FlightJoined
from contracts.errors import ErrorCode
from contracts.inference import OPENAI_RESPONSES, InferenceCompleted, InferenceFailed
from infra.catalog import CatalogSource
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, failed
from infra.results import Terminal
from workers.cache.answering import Answering
from workers.cache.entry import entry_of, is_confidential, is_kept
from workers.cache.flights import Flights
from workers.cache.standing import Standing
from workers.cache.store import Lead

_OWN = frozenset({ErrorCode.CANCELLED, ErrorCode.DEADLINE_EXCEEDED})
"""Failures that say nothing of the prompt, and nothing of the models."""
_OF_A_KEY = frozenset({ErrorCode.INSUFFICIENT_QUOTA, ErrorCode.PRICE_UNKNOWN, ErrorCode.PERMISSION_DENIED})


Leading = Callable[[Job, Json, str, Lead], Awaitable[Outcome]]
"""What is done with a request that leads, by its body, its key and its place."""


class Waiting:
    """The handler of `inference.waiting`."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is put together from, once a process
        self,
        standing: Standing,
        flights: Flights,
        answering: Answering,
        leading: Leading,
        client: Client,
        catalog: CatalogSource,
    ) -> None:
        self._catalog = catalog
        self._standing = standing
        self._flights = flights
        self._answering = answering
        self._leading = leading
        self._client = client

    async def handle(self, job: Job) -> Outcome:
        """Raises `PenstockError` where the deadline passes first, or the caller leaves."""
        if (outcome := await self._answering.before(job)) is not None:
            return outcome
        key, over = job.headers[envelope.CACHE_KEY], None
        while True:
            found = await self._standing.of(job, key, over)
            if isinstance(found, CacheStored):
                return await self._answer(job, found)
            if found.request_id == job.request_id:
                return await self._leading(job, orjson.loads(job.body), key, found)
            await self._join(job, found)
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
            shared = not outcome.cache.startswith(SEMANTIC) and (together or is_kept(outcome, self._catalog.current))
            entry = entry_of(outcome, confidential=is_confidential(ended.headers))
            return await self._answer(job, entry, outcome) if shared else None
        if together and is_shared(outcome, ended.headers.get(envelope.KEY_ID), job.headers.get(envelope.KEY_ID)):
            return Outcome("failed", (failed(job, outcome.error.to_error(), model=outcome.model),))
        return None

    async def _answer(self, job: Job, entry: CacheStored, heard: InferenceCompleted | None = None) -> Outcome:
        request = orjson.loads(job.body)["request"]
        deltas = heard_of(heard, request) if heard is not None and is_live(job) else 0
        return await self._answering.answer(job, request, entry, COALESCED, deltas)

    async def _join(self, job: Job, leader: Lead) -> None:
        """Hear the leader's stream. Said again as long as it takes: its worker may be another one by then."""
        if is_live(job):
            joined = joining(job, orjson.loads(job.body)["request"])
            subject = subjects.joined(job.tenant, leader.request_id)
            await self._client.publish(subject, joined.model_dump_json(exclude_none=True).encode())


def is_live(job: Job) -> bool:
    """Whether somebody waits for the tokens one by one."""
    return job.headers.get(envelope.STREAM) == "true" and envelope.INGRESS in job.headers


def joining(job: Job, request: Json) -> FlightJoined:
    """What the worker that has the leader is to know of a follower."""
    of_responses = job.headers[envelope.API] == OPENAI_RESPONSES
    return FlightJoined(
        request_id=job.request_id,
        ingress=job.headers[envelope.INGRESS],
        include_usage=wants_usage(request),
        created_at=int(time.time()),
        settings=own_settings(request) if of_responses else None,
        rooms=job.headers.get(envelope.ROOMS),
    )


def heard_of(leader: InferenceCompleted, request: Json) -> int:
    """How many deltas a follower was sent that has heard all of the leader's stream."""
    return (leader.events or 0) - (0 if wants_usage(request) else leader.usage_events or 0)


def wants_usage(request: Json) -> bool:
    """Whether a chat's caller gets the chunk that holds only the usage."""
    return bool((request.get("stream_options") or {}).get("include_usage"))


def is_shared(failure: InferenceFailed, leader_key: str | None, key: str | None) -> bool:
    """Whether the leader's failure would be the follower's too: its own retries and failovers are behind it.

    Not where its caller left or its deadline passed; nor where its key may not, and the other is of another key.
    """
    code = failure.error.code
    return code not in _OWN and (code not in _OF_A_KEY or leader_key == key)
