"""The one way in which every worker handles a message.

decode → wait for a slot of its lane → run the handler → store what it returned → ack. A message is acked only after its
output is stored; one that fails is delivered again with backoff, and in the end put into the dead letter with a reason.
"""

import asyncio
import random
import time
from collections.abc import Sequence

import nats.errors
from nats.aio.msg import Msg

from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.broker import Stored
from infra.dispatch import outcome as outcomes
from infra.dispatch.dead_letter import bury
from infra.dispatch.emit import Emitter, Sends
from infra.dispatch.ending import Ended, released
from infra.dispatch.gate import LaneGate
from infra.dispatch.job import Job, Position, deadline_of, position_of, require_identity
from infra.dispatch.outcome import Outcome, Publication
from infra.dispatch.spans import process_span, told_of, unread
from infra.dispatch.stage import DispatchTools, Handler, StageSpec
from infra.dispatch.unforeseen import failure_of
from infra.telemetry import about, names
from infra.telemetry.told import told

_FIRST_RETRY, _LONGEST_RETRY = 0.2, 10.0
_BACKPRESSURE_PAUSE, _UNAVAILABLE_PAUSE = 0.25, 0.5
_ACK_PATIENCE, _BEHIND_THE_ANSWER = 2.0, 0.002
_LULL, _TOO_LATE = 0.03, 1.0
"""Seconds that bulk waits for a moment without searches; seconds until what came to one that stops goes to another."""


class Dispatcher:
    """Runs one stage's handler over its messages."""

    def __init__(self, spec: StageSpec, handler: Handler, tools: DispatchTools) -> None:
        self._spec = spec
        self._handler = handler
        self._tools = tools
        self._counters = tools.metrics.of(spec.name)
        courtesy = tools.courtesy if spec.gives_way else None
        self._gate = LaneGate(spec.concurrency, max(spec.concurrency // 4, 1), courtesy)
        self._emitter = Emitter(tools.publisher, tools.tracer)
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._waiting_for: str | None = None

    def accept(self, message: Msg) -> None:
        """Start to handle a message; returns at once, so that the connection is never held up."""
        task = asyncio.get_running_loop().create_task(self._handle(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, patience: float) -> None:
        """Hand back what has not begun, wait for what has, and cut off what takes longer than `patience` seconds."""
        self._draining = True
        self._gate.turn_away()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=0 if self._spec.endless else patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _handle(self, message: Msg) -> None:
        started, pause = time.perf_counter(), _TOO_LATE if self._draining else None
        position = position_of(message)
        if not await self._tools.in_flight.admit(message, position):
            return
        label, lane, trace = "error", "unknown", None
        about.begin(about.About(self._spec.name, ""))
        try:
            job = self._decode(message, position)
            lane, trace = job.lane, job.span.context
            about.begin(about.About(self._spec.name, job.request_id, job.tenant, trace.trace_id))
            label = await self._run(job)
        except ContractError as error:
            unread(self._tools.tracer, self._spec, message, position, error)
            label = await self._bury(position, error)
        except asyncio.CancelledError:
            label = "handed_back"
            await self._hand_back(position, pause)
        except (PenstockError, nats.errors.Error, OSError) as error:
            # Neither the outcome nor the dead letter could be stored: the broker is away, and delivers it again.
            self._tools.log.warning("message_left_for_redelivery", error=told(error))
        finally:
            self._tools.in_flight.release(position)
            seconds = time.perf_counter() - started
            waited = max(time.time() - seconds - position.stored_at, 0.0)
            self._counters.observe(lane, label, seconds=seconds, queue_seconds=waited, trace=trace)

    def _decode(self, message: Msg, position: Position) -> Job:
        """Raises `ContractError`, after which there is nobody to answer and only the dead letter is left."""
        identity = self._spec.identify(message.subject, message.headers or {}, message.data)
        if self._spec.terminal:
            require_identity(identity, self._spec.name)
        return Job(
            subject=message.subject,
            lane=identity.lane,
            tenant=identity.tenant,
            request_id=identity.request_id,
            headers=message.headers or {},
            body=message.data,
            deadline=None,
            position=position,
            span=process_span(self._tools.tracer, self._spec.template, message, position, identity),
        )

    async def _run(self, job: Job) -> str:
        """Handle a decoded message to its ack; the span tells what came of it."""
        problem, label = None, "handed_back"
        try:
            await self._gate.acquire(job.lane)
            try:
                await self._give_way(job.lane)
                job.span.attributes[names.GATE_WAIT_MS] = round((time.time_ns() - job.span.started_ns) / 1e6, 3)
                outcome = await self._attempt(job)
                label, problem = await self._settle(job, outcome), told_of(job.span, outcome.error)
            finally:
                self._gate.release(job.lane)
        except PenstockError as error:
            problem = told_of(job.span, error)
            label = await self._retry_or_give_up(job, error)
        except Exception as error:  # noqa: BLE001 - a bug costs one message its turn, not the worker its life
            problem = told(error)
            told_of(job.span, failure := failure_of(error, self._spec.name, self._tools.log))
            label = await self._retry_or_give_up(job, failure)
        finally:
            job.span.attributes[names.STAGE] = self._spec.name
            job.span.attributes[names.OUTCOME] = label
            job.span.end(problem)
        return label

    async def _give_way(self, lane: Lane) -> None:
        if self._spec.gives_way and lane is Lane.BATCH:
            await self._tools.courtesy.lull(_LULL)

    async def _attempt(self, job: Job) -> Outcome:
        often = job.position.deliveries > self._tools.max_deliveries and not self._spec.endless
        if often and not self._tools.in_flight.survived(job.position):
            message = f"delivered {job.position.deliveries} times without an outcome: it takes its worker down"
            raise PenstockError(ErrorCode.INTERNAL_ERROR, message, stage=self._spec.name)
        if self._spec.terminal:
            # Bookkeeping outlives the request that it is about: what was spent is recorded after a deadline too.
            job.deadline = deadline_of(job.headers, self._spec.name)
        if job.remaining <= 0:
            message = f"the deadline passed before the {self._spec.name} stage"
            raise PenstockError(ErrorCode.DEADLINE_EXCEEDED, message, stage=self._spec.name)
        return await (self._handler(job) if self._spec.terminal else self._patiently(job))

    async def _patiently(self, job: Job) -> Outcome:
        """Bookkeeping waits, its message kept alive, while what it writes to is away: nobody else would write it."""
        while True:
            try:
                outcome = await self._handler(job)
            except PenstockError as error:
                if error.code is not ErrorCode.PIPELINE_UNAVAILABLE or self._draining:
                    raise
                self._tell_waiting(error.message)
            else:
                self._tell_waiting(None)
                return outcome
            await asyncio.sleep(_UNAVAILABLE_PAUSE)

    def _tell_waiting(self, reason: str | None) -> None:
        if (reason is None) != (self._waiting_for is None):
            log = self._tools.log.bind(stage=self._spec.name)
            log.info("goes_on") if reason is None else log.warning("waits", reason=reason)
        self._waiting_for = reason

    async def _settle(self, job: Job, outcome: Outcome) -> str:
        """Store the outcome, then ack. While the queue ahead is full the message is held, and kept alive, here."""
        with Sends() as sends:
            while True:
                try:
                    stored = await self._store(job, outcome.publications, outcome.ended, sends)
                    break
                except PenstockError as error:
                    late = job.remaining <= 0 and not any(publication.terminal for publication in outcome.publications)
                    if error.code is not ErrorCode.OVERLOADED or late or self._draining:
                        raise
                    await asyncio.sleep(_BACKPRESSURE_PAUSE)
        if outcome.ack:
            await self._ack(job, outcome)
        taken = any(p.terminal and s is Stored.KNOWN for p, s in zip(outcome.publications, stored, strict=True))
        return "already_terminal" if taken else outcome.label

    async def _store(
        self, job: Job, publications: Sequence[Publication], ended: Ended | None = None, sends: Sends | None = None
    ) -> list[Stored]:
        """Store them, and then that what the request counted as is given back, where this is its end."""
        stored = await self._emitter.emit_all(job, publications, sends)
        for publication, found in zip(publications, stored, strict=True):
            if publication.terminal and found is Stored.NEW:
                self._counters.ended(job.tenant, job.lane, publication.error_code)
        if self._tools.capture:
            self._tools.capture.take(job, publications)
        if given_back := released(job, publications, ended):
            await asyncio.sleep(_BEHIND_THE_ANSWER)  # which is on its way over the same broker
            await self._emitter.emit_all(job, given_back)
        return stored

    async def _ack(self, job: Job, outcome: Outcome) -> None:
        message = self._tools.in_flight.latest(job.position)
        if outcome.settled is None:
            await message.ack()
            return
        try:
            await message.ack_sync(timeout=_ACK_PATIENCE)
            await outcome.settled()
        except (PenstockError, nats.errors.Error, OSError) as error:
            # It is delivered again, and needs it again; or else age takes it away.
            self._tools.log.warning("not_given_back", error=told(error))

    async def _retry_or_give_up(self, job: Job, error: PenstockError) -> str:
        deliveries = job.position.deliveries
        away = self._spec.endless or (not self._spec.terminal and error.code is ErrorCode.PIPELINE_UNAVAILABLE)
        if error.retryable and (deliveries < self._tools.max_deliveries or away) and job.remaining > 0:
            pause = min(_FIRST_RETRY * 2 ** (deliveries - 1), _LONGEST_RETRY) * random.uniform(0.5, 1.0)
            await self._tools.in_flight.latest(job.position).nak(delay=pause)
            return "retried"
        if self._spec.terminal:
            owed = await self._spec.owed(job) if self._spec.owed else ()
            await self._store(job, (outcomes.failed(job, error), *owed))
            if error.code is not ErrorCode.INTERNAL_ERROR:
                # `failed` tells the caller all there is to know; our own failures are kept for an operator as well.
                await self._tools.in_flight.latest(job.position).ack()
                return "failed"
        if self._spec.given_up:
            await self._spec.given_up(job, error)
        return await self._bury(job.position, error)

    async def _bury(self, position: Position, error: PenstockError) -> str:
        message = self._tools.in_flight.latest(position)
        log = self._tools.log.bind(subject=message.subject, sequence=position.sequence)
        log.error("dead_letter", reason=told(error))
        await bury(self._tools.publisher, message, position, error, self._spec.name)
        return "dead_letter"

    async def _hand_back(self, position: Position, pause: float | None) -> None:
        """Another replica can have it, at once or after a pause: this process is stopping."""
        try:
            await self._tools.in_flight.latest(position).nak(delay=pause)
        except (nats.errors.Error, OSError):
            # The broker is away; it delivers again when the ack wait is over.
            self._tools.log.warning("message_left_for_redelivery", error="not handed back")
