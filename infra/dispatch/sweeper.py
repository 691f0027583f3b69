"""The safety net: a message that the server itself gave up on is put into the dead letter, and its request told.

JetStream publishes an advisory for a message that was delivered `max_deliver` times (FACTS 16: only when it would
deliver again, and without the message), and keeps the message where it is. The workers give up long before; this is
for messages that no worker lives to give up on.
"""

from dataclasses import replace

import orjson
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from contracts import envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from infra.broker import Stored
from infra.dispatch import outcome as outcomes
from infra.dispatch.dead_letter import describe
from infra.dispatch.emit import Emitter
from infra.dispatch.ending import released
from infra.dispatch.job import Job, Position, identify_forwarded, identify_laneless, identify_requested
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import DispatchTools, Stage, StageSpec
from infra.streams import SWEPT, Subscription
from infra.telemetry.stage_metrics import StageCounters

TEMPLATE = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.{consumer}"


def sweeper_stage(js: JetStreamContext, tools: DispatchTools, subscriptions: tuple[Subscription, ...]) -> Stage:
    """A stage over the server's advisories; one a process is enough."""
    emitter, counters = Emitter(tools.publisher, tools.tracer), tools.metrics.of("sweeper")

    async def handle(job: Job) -> Outcome:
        advisory = orjson.loads(job.body)
        stream, sequence = str(advisory["stream"]), int(advisory["stream_seq"])
        if stream not in SWEPT:
            return Outcome("skipped")
        try:
            raw = await js.get_msg(stream, sequence)
        except NotFoundError:
            return Outcome("gone")
        reason = f"delivered {advisory['deliveries']} times and never settled"
        error = PenstockError(ErrorCode.INTERNAL_ERROR, reason, stage=str(advisory["consumer"]))
        position = Position(stream, error.stage, int(advisory["deliveries"]), sequence, job.position.stored_at)
        lost = replace(job, subject=raw.subject or "", body=raw.data or b"", headers=raw.headers or {})
        headers = describe(lost.headers, lost.subject, position, error)
        await tools.publisher.publish(subjects.deadletter(error.stage), lost.body, headers)
        await _tell(lost, error, emitter, counters)
        await js.delete_msg(stream, sequence)
        told = (("request_id", envelope.REQUEST_ID), ("tenant", envelope.TENANT))
        whose = {name: lost.headers[header] for name, header in told if header in lost.headers}
        log = tools.log.bind(stage=error.stage, subject=lost.subject, sequence=sequence, **whose)
        log.error("dead_letter", reason=reason)
        return Outcome("dead_letter")

    spec = StageSpec("sweeper", TEMPLATE, identify_laneless, concurrency=4, terminal=False)
    return Stage(spec, handle, subscriptions)


async def _tell(lost: Job, error: PenstockError, emitter: Emitter, counters: StageCounters) -> None:
    """End the request with `failed`, where the message was one's."""
    if ".inference." not in lost.subject:
        return
    identify = identify_requested if ".requested." in lost.subject else identify_forwarded
    whose = identify(lost.subject, lost.headers, lost.body)
    if subjects.is_token(whose.request_id) and subjects.is_token(whose.tenant):
        request = replace(lost, lane=whose.lane, tenant=whose.tenant, request_id=whose.request_id)
        failed = outcomes.failed(request, error)
        if await emitter.emit(request, failed) is Stored.NEW:
            counters.ended(request.tenant, request.lane, error.code)
        await emitter.emit_all(request, released(request, (failed,)))
