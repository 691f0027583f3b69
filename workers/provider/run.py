"""The attempts of one request: along its deployments, with backoff, within the deadline, until one answers."""

from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, stop_any, stop_before_delay

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import InferenceCompleted
from infra.catalog import Deployment
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, completed, failed
from infra.telemetry import names
from workers.provider.attempt import Attempt, new_attempt
from workers.provider.backoff import pause_before_retry
from workers.provider.caller import Caller
from workers.provider.calls import STAGE
from workers.provider.cancellation import Cancellations
from workers.provider.journal import Journal
from workers.provider.records import usage_row
from workers.provider.relay import DeltaRelay
from workers.provider.said import Result
from workers.provider.usage import cost, estimated


class Run:
    """One request's attempts."""

    def __init__(  # noqa: PLR0913 - what one request needs
        self,
        job: Job,
        request: dict[str, Any],
        deployments: list[Deployment],
        relay: DeltaRelay | None,
        *,
        caller: Caller,
        emitter: Emitter,
        gone: Cancellations,
        journal: Journal,
    ) -> None:
        self._job = job
        self._request = request
        self._deployments = deployments
        self._relay = relay
        self._caller = caller
        self._emitter = emitter
        self._gone = gone
        self._journal = journal
        # Read before a call is paid for: without it the answer can't be told.
        self._api = job.headers[envelope.API]

    async def to_the_end(self, max_attempts: int) -> Outcome:
        """Try until a provider answers, nothing more may be tried, or the caller left."""
        first = await self._attempt()
        # Most requests need no second attempt, and the machinery of retries costs a tenth of a millisecond.
        return self._outcome(*(await self._again(first, max_attempts) if self._may_try_again(first) else first))

    async def _again(self, first: tuple[Attempt, Result], max_attempts: int) -> tuple[Attempt, Result]:
        made = [first]

        async def attempt() -> tuple[Attempt, Result]:
            return made.pop() if made else await self._attempt()

        retrying = AsyncRetrying(
            stop=stop_any(stop_after_attempt(max_attempts), stop_before_delay(min(self._job.remaining, 1e9))),
            wait=self._pause,
            retry=retry_if_result(self._may_try_again),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        last: tuple[Attempt, Result] = await retrying(attempt)
        return last

    async def _attempt(self) -> tuple[Attempt, Result]:
        if self._gone.left(self._job.request_id):
            raise PenstockError(ErrorCode.CANCELLED, "the caller went away", stage=STAGE)
        made = self._journal.made
        attempt = new_attempt(self._job, self._deployments[made % len(self._deployments)], made + 1)
        await self._journal.enter(attempt, estimated(self._request, 0).input_tokens)
        result = await self._caller.call(self._job, attempt, self._request, self._relay)
        if result.error is not None:
            await self._emitter.emit(self._job, usage_row(self._job, attempt, result))
        return attempt, result

    def _may_try_again(self, last: tuple[Attempt, Result]) -> bool:
        error = last[1].error
        return error is not None and error.retryable and self._sent() == 0

    def _pause(self, state: RetryCallState) -> float:
        if state.outcome is None:
            return 0.0
        attempt, result = state.outcome.result()
        following = self._deployments[attempt.number % len(self._deployments)]
        return pause_before_retry(result.error, state.attempt_number, same=following is attempt.deployment)

    def _outcome(self, attempt: Attempt, result: Result) -> Outcome:
        job, price = self._job, cost(result.usage, attempt.deployment.prices)
        job.span.attributes[names.ATTEMPTS] = attempt.number
        job.span.attributes[names.DEPLOYMENT] = attempt.deployment.name
        if price is not None:
            job.span.attributes[names.COST_USD] = float(price)
        shared: dict[str, Any] = {
            "model": job.headers[envelope.MODEL],
            "deployment": attempt.deployment.name,
            "attempts": attempt.number,
            "usage": result.usage,
            "cost_usd": price,
            "deltas": self._sent(),
        }
        if result.error is not None:
            return Outcome(result.status, (failed(job, result.error, **shared),))
        answer = InferenceCompleted(
            request_id=job.request_id,
            api=self._api,
            response=result.response,
            provider_model=attempt.provider_model,
            route=job.headers.get(envelope.ROUTE),
            cache=job.headers.get(envelope.CACHE_STATUS, "bypass"),
            **shared,
        )
        return Outcome("completed", (completed(job, answer), usage_row(job, attempt, result)))

    def _sent(self) -> int:
        return self._relay.sent if self._relay else 0
