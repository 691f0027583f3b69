"""Wiring: `validated` in, `completed`, `waiting` or `uncached` out; `waiting` in, the same out; and `completed` in, an
entry out.
"""

import math

import orjson

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.cache import HIT, CacheStored
from contracts.inference import InferenceCompleted
from contracts.registry import template_of
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome, Publication
from infra.dispatch.stage import Handler, Stage, StageSpec
from infra.telemetry import names
from infra.telemetry.prompt_metrics import CacheMetrics
from workers.cache.allowed import allowed
from workers.cache.answering import Answering, bypass, miss, waits
from workers.cache.entry import entry_of, is_confidential, is_kept
from workers.cache.flights import STAGE, Flights
from workers.cache.key import cache_key, models_behind
from workers.cache.meaning import Meaning
from workers.cache.standing import Standing
from workers.cache.store import CacheStore, Lead, provenance
from workers.cache.waiting import Waiting
from workers.context import Worker, WorkerContext


def build(context: WorkerContext) -> Worker:
    """The cache worker: look-up on the way in, fill on the way out, and those who wait for one another in between."""
    connection, settings = context.connection, context.settings
    store = CacheStore(connection.js, connection.acks, context.log)
    standing, meaning = Standing(store), Meaning(context, store)
    flights, answering = Flights(connection.client, connection.js), Answering(connection.js)
    enabled, metrics = settings.cache_ttl > 0, CacheMetrics(context.registry)

    async def look_up(job: Job) -> Outcome:
        if (outcome := await answering.before(job)) is not None:
            return outcome
        control = job.headers.get(envelope.CACHE_CONTROL)
        asked, catalog = job.headers.get(envelope.MODEL, ""), context.catalog.current
        if not enabled or control == "no-store" or not catalog.cache_of(asked).exact:
            return bypass(job, None)
        body = orjson.loads(job.body)
        request = body["request"]
        models = models_behind(catalog, asked, await allowed(context.policies, catalog, job))
        key = cache_key(job.headers[envelope.API], request, body.get("grounds"), job.headers, models)
        if control == "no-cache":
            return bypass(job, key)
        found = await standing.of(job, key)
        if isinstance(found, CacheStored):
            return await answering.answer(job, request, found, HIT)
        return await leading(job, body, key, found) if found.request_id == job.request_id else waits(job, key)

    async def leading(job: Job, body: Json, key: str, lead: Lead) -> Outcome:
        similar = await meaning.look_up(job, body)
        if similar is None:
            return miss(job, key, lead)
        await store.give_up(lead)
        return await answering.answer(job, body["request"], similar.entry, similar.status)

    def counted(handler: Handler) -> Handler:
        async def handle(job: Job) -> Outcome:
            outcome = await handler(job)
            if (status := job.span.attributes.get(names.CACHE)) is not None:
                metrics.lookups.labels(str(status).partition(";")[0]).inc()
            return outcome

        return handle

    async def fill(job: Job) -> Outcome:
        key = job.headers.get(envelope.CACHE_KEY)
        if key is None and envelope.SEMANTIC not in job.headers:
            return Outcome("skipped")
        answer = InferenceCompleted.model_validate_json(job.body)
        kept = is_kept(answer, context.catalog.current)
        await meaning.learn(job, answer, kept=kept)
        if key is None or answer.cache == HIT or not kept:
            return Outcome("skipped")
        subject = subjects.cache_entry(
            subjects.require_token(job.tenant, "tenant", stage="cache"),
            subjects.require_token(key, envelope.CACHE_KEY, stage="cache"),
        )
        entry = entry_of(answer, confidential=is_confidential(job.headers))
        body = entry.model_dump_json(exclude_none=True).encode()
        message_id = f"{job.tenant}.{job.request_id}.cache.stored"
        headers = {envelope.MSG_TTL: str(math.ceil(settings.cache_ttl) or 1), **provenance(job.headers)}
        if flight := job.headers.get(envelope.FLIGHT):
            # Not where somebody has taken its place meanwhile, nor where it was purged.
            headers[envelope.EXPECTED_LAST_SEQUENCE] = flight
        return Outcome("stored", (Publication("cache.stored", subject, message_id, body, headers, carry=False),))

    waiting = Waiting(standing, flights, answering, leading, connection.client, context.catalog)
    width = settings.stage_concurrency
    spec = StageSpec("cache", template_of("inference.validated"), identify_forwarded, width)
    room = context.subscriptions["waiting"][0].max_ack_pending
    many = StageSpec(STAGE, template_of("inference.waiting"), identify_forwarded, room, endless=True)
    filling = StageSpec("cache", template_of("inference.completed"), identify_forwarded, width, terminal=False)
    return Worker(
        (
            Stage(spec, counted(look_up), context.subscriptions["cache"]),
            Stage(many, counted(waiting.handle), context.subscriptions["waiting"]),
            Stage(filling, fill, context.subscriptions["cache-fill"]),
        ),
        open=flights.listen,
        close=meaning.close,
    )
