"""The calls of one request: within its deadline, until one answers or none may be made any more."""

import time
from dataclasses import replace
from typing import Any, NamedTuple

from tenacity import AsyncRetrying, retry_if_result, stop_before_delay

from contracts import envelope
from contracts.apis.grounding.grounding import Grounding
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import InferenceCompleted, decision_of
from contracts.subjects import Lane
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, completed, failed
from infra.responses import Place, kept
from infra.telemetry import names
from workers.provider import hedge
from workers.provider.backoff import pause_before_retry
from workers.provider.calls import STAGE
from workers.provider.fleet import Grant
from workers.provider.journal import Journal
from workers.provider.make import Made, Maker, Tools
from workers.provider.plan import Plan
from workers.provider.records import usage_row
from workers.provider.refusal import CannotBeAskedError, NothingToCallError
from workers.provider.relay import DeltaRelay
from workers.provider.telling import tell_blocks, tell_grant, tell_repeat
from workers.provider.verdict import elsewhere_too


class Next(NamedTuple):
    """What follows a failed call: another one, after a pause in seconds; `again` to what was called before as well."""

    pause: float
    again: bool


class Run:
    """One request's calls."""

    def __init__(  # noqa: PLR0913 - what one request needs
        self,
        job: Job,
        request: dict[str, Any],
        plan: Plan,
        relay: DeltaRelay | None,
        *,
        tools: Tools,
        journal: Journal,
        hedge_after: float | None,
        place: Place | None = None,
        grounding: Grounding | None = None,
    ) -> None:
        self._job = job
        self._request = request
        self._plan = plan
        self._relay = relay
        self._tools = tools
        self._journal = journal
        self._maker = Maker(job, request, plan, relay, tools=tools, journal=journal, grounding=grounding)
        self._hedge_after = hedge_after
        self._place = place
        self._left = tools.max_attempts
        self._next: Next | None = None
        # Read before a call is paid for: without it the answer can't be told.
        self._api = job.headers[envelope.API]

    async def to_the_end(self) -> Outcome:
        """Call until a provider answers, nothing more may be called, or the caller left."""
        try:
            made = await self._attempt(again=False)
            # Most requests need no second call, and the machinery of retries costs a tenth of a millisecond.
            return self._outcome(made if self._next is None else await self._go_on(made))
        except NothingToCallError as error:
            self._job.span.attributes[names.ATTEMPTS] = self._journal.calls
            details = {"model": self._job.headers[envelope.MODEL], "attempts": self._journal.calls}
            return Outcome("failed", (failed(self._job, error, **details),))

    async def _go_on(self, first: Made) -> Made:
        last: list[Made] = []

        async def attempt() -> Made:
            if not last:
                last.append(first)
            elif self._next is not None:
                last.append(await self._attempt_or(last[-1], again=self._next.again))
            return last[-1]

        retrying = AsyncRetrying(
            stop=stop_before_delay(min(self._job.remaining, 1e9)),
            wait=lambda _: 0.0 if self._next is None else self._next.pause,
            retry=retry_if_result(lambda _: self._next is not None),
            retry_error_callback=lambda _: last[-1],
        )
        made: Made = await retrying(attempt)
        return made

    async def _attempt_or(self, last: Made, *, again: bool) -> Made:
        """One more call; the last one's end where none may be made after all. Raises where the caller left.

        A budget that has too little left for it is told of, with the failure that another call was wanted for: the
        failure alone would send the caller into retries that the budget refuses as well.
        """
        try:
            return await self._attempt(again=again)
        except NothingToCallError as error:
            if error.code is ErrorCode.CANCELLED:
                raise
            self._next = None
            return _stopped(last, error) if error.code is ErrorCode.INSUFFICIENT_QUOTA else last

    async def _attempt(self, *, again: bool) -> Made:
        """One call of an option that can be asked. Raises `NothingToCallError`, also where nobody waits."""
        while True:
            try:
                return await self._attempt_one(again=again)
            except CannotBeAskedError as error:
                if not self._plan.without(error.option):
                    raise

    async def _attempt_one(self, *, again: bool) -> Made:
        """One call, or two side by side, and what follows."""
        await self._require_caller()
        patient = self._job.lane is Lane.BATCH
        asked_at = time.monotonic()
        try:
            grant = await self._tools.fleet.admit(self._plan, again=again, within=self._job.remaining, patient=patient)
        except NothingToCallError as error:
            tell_blocks(self._job.span, error.blocks, time.time())
            raise
        tell_grant(self._job.span, grant, time.monotonic() - asked_at)
        if self._hedge_after is None or self._left < 2:
            made = await self._maker.make(grant)
        else:
            made = await self._hedged(grant, self._hedge_after)
        self._left -= 1
        self._next = self._following(made)
        if self._next is not None and made.result.error is not None:
            tell_repeat(self._job.span, made.attempt.number, self._next.pause, made.result.error.code)
        return made

    async def _require_caller(self) -> None:
        gone, job = self._tools.gone, self._job
        if gone.left(job.tenant, job.request_id) and not await gone.spares(job):
            raise NothingToCallError(ErrorCode.CANCELLED, "the caller went away", stage=STAGE)

    async def _hedged(self, grant: Grant, after: float) -> Made:
        made, other = await hedge.hedged(lambda lane: self._maker.make(grant, lane), self._beside, after)
        if other is not None and other.result.error is None:
            await self._maker.record(other)
        return made

    async def _beside(self, lane: hedge.Lane) -> Made | None:
        """The second call, where one may be made and the first one is still under way."""
        await self._maker.entered.wait()
        grant = await self._tools.fleet.spare(self._plan)
        if grant is None:
            return None
        if self._maker.under_way is None or lane.stop.given:
            self._tools.fleet.settle(grant, None)
            return None
        # Once a request: a second slow call is slow for another reason.
        self._hedge_after = None
        self._left -= 1
        try:
            return await self._maker.make(grant, lane)
        except PenstockError:
            # The journal can't take it now: the first call is under way all the same.
            return None

    def _following(self, made: Made) -> Next | None:
        """What to do after a call; None where it is the outcome."""
        error = made.result.error
        if error is None or self._sent() or self._left <= 0:
            return None
        if error.code is ErrorCode.CONTEXT_LENGTH_EXCEEDED:
            return Next(0.0, again=False) if self._plan.go_longer() else None
        if elsewhere_too(error):
            return None
        outlook = self._tools.fleet.outlook(self._plan)
        if outlook.free:
            return Next(0.0, again=False)
        if error.retryable and outlook.again_after is not None:
            calls = self._tools.max_attempts - self._left
            return Next(pause_before_retry(outlook.again_after, calls), again=True)
        return Next(0.0, again=False) if outlook.busy else None

    def _outcome(self, made: Made) -> Outcome:
        job, attempt, result = self._job, made.attempt, made.result
        attempts = self._journal.calls
        job.span.attributes[names.ATTEMPTS] = attempts
        job.span.attributes[names.DEPLOYMENT] = attempt.deployment.name
        if result.cost_usd is not None:
            job.span.attributes[names.COST_USD] = float(result.cost_usd)
        shared: dict[str, Any] = {
            "model": job.headers[envelope.MODEL],
            "deployment": attempt.deployment.name,
            "attempts": attempts,
            "attempt": None if attempt.number == attempts else attempt.number,
            "usage": result.usage,
            "cost_usd": result.cost_usd,
            "deltas": self._sent(),
        }
        if result.error is not None:
            return Outcome(result.status, (failed(job, result.error, **shared),))
        response, place = result.response, self._place
        if place is not None:
            response = {**response, "created_at": place.created_at}
        answer = InferenceCompleted(
            request_id=job.request_id,
            api=self._api,
            response=response,
            provider_model=attempt.provider_model,
            route=job.headers.get(envelope.ROUTE),
            latency_ms=result.latency_ms,
            decision=decision_of(job.headers.get(envelope.DECISION)),
            cache=job.headers.get(envelope.CACHE_STATUS, "bypass"),
            events=self._relay.events if self._relay and self._relay.keeps else None,
            usage_events=self._relay.usage_events if self._relay and self._relay.keeps else None,
            **shared,
        )
        stored = kept(job, self._request, response, place)
        return Outcome("completed", (*stored, completed(job, answer), usage_row(job, attempt, result)))

    def _sent(self) -> int:
        return self._relay.sent if self._relay else 0


def _stopped(last: Made, by: PenstockError) -> Made:
    """A failed call as the end of a request that a budget let make no other."""
    failure = last.result.error
    before = "" if failure is None else f"; the call that was made before failed: {failure.message}"
    error = PenstockError(by.code, f"{by.message}{before}", stage=STAGE, retry_after=by.retry_after)
    return replace(last, result=replace(last.result, error=error))
