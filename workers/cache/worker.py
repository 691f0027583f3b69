"""Wiring: `validated` in, `completed` or `uncached` out; and `completed` in, an entry out."""

import time

import orjson

from contracts import envelope, subjects
from contracts.apis.translate import Origin
from contracts.inference import InferenceCompleted
from contracts.registry import template_of
from infra.dispatch.job import Job, identify_forwarded
from infra.dispatch.outcome import Outcome, Publication, completed, forwarded
from infra.dispatch.stage import Stage, StageSpec
from infra.responses import kept, place_of
from infra.telemetry import names
from workers.cache.entry import answer_from, entry_of, worth_keeping
from workers.cache.key import cache_key
from workers.cache.saving import saving
from workers.cache.store import CacheStore
from workers.context import Worker, WorkerContext


def build(context: WorkerContext) -> Worker:
    """The cache worker: look-up on the way in, fill on the way out."""
    store = CacheStore(context.connection.js, context.log)
    enabled = context.settings.cache_ttl > 0

    async def look_up(job: Job) -> Outcome:
        control = job.headers.get(envelope.CACHE_CONTROL)
        if not enabled or control == "no-store":
            return _miss(job, "bypass", {})
        api = job.headers[envelope.API]
        body = orjson.loads(job.body)
        request = body["request"]
        key = cache_key(api, request, body.get("grounds"))
        if control == "no-cache":
            return _miss(job, "bypass", {envelope.CACHE_KEY: key})
        entry = await store.find(job.tenant, key)
        if entry is None:
            return _miss(job, "miss", {envelope.CACHE_KEY: key})
        job.span.attributes[names.CACHE] = "hit"
        place = await place_of(context.connection.js, job, request)
        origin = Origin(job.request_id, place.created_at if place else int(time.time()))
        answer = answer_from(entry, origin, api, request)
        stored = kept(job, request, answer.response, place)
        return Outcome("completed", (*stored, completed(job, answer), saving(job, entry)))

    async def fill(job: Job) -> Outcome:
        key = job.headers.get(envelope.CACHE_KEY)
        if key is None:
            return Outcome("skipped")
        subject = subjects.cache_entry(
            subjects.require_token(job.tenant, "tenant", stage="cache"),
            subjects.require_token(key, envelope.CACHE_KEY, stage="cache"),
        )
        answer = InferenceCompleted.model_validate_json(job.body)
        if answer.cache == "hit" or not worth_keeping(answer):
            return Outcome("skipped")
        body = entry_of(answer).model_dump_json(exclude_none=True).encode()
        message_id = f"{job.tenant}.{job.request_id}.cache.stored"
        return Outcome("stored", (Publication("cache.stored", subject, message_id, body, carry=False),))

    width = context.settings.stage_concurrency
    return Worker(
        (
            Stage(
                StageSpec("cache", template_of("inference.validated"), identify_forwarded, width),
                look_up,
                context.subscriptions["cache"],
            ),
            Stage(
                StageSpec("cache", template_of("inference.completed"), identify_forwarded, width, terminal=False),
                fill,
                context.subscriptions["cache-fill"],
            ),
        )
    )


def _miss(job: Job, status: str, headers: dict[str, str]) -> Outcome:
    job.span.attributes[names.CACHE] = status
    found = {**headers, envelope.CACHE_STATUS: status}
    return forwarded(job, "inference.uncached", subjects.uncached(job.lane, job.tenant), found)
