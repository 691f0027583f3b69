"""Making one of a request's calls: entered into the journal before, into the ledger after it."""

import asyncio
from dataclasses import dataclass
from typing import Any

from contracts import envelope
from contracts.apis.grounding.grounding import Grounding
from contracts.errors import PenstockError
from contracts.inference import AttemptedCall, InferenceAttempted
from infra.budgets.reservation import Reservation
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job
from infra.prices import PriceBook
from infra.telemetry import names
from infra.telemetry.told import told
from infra.telemetry.tracing import AttributeValue
from workers.provider.attempt import Attempt, new_attempt
from workers.provider.budgets import Budgets
from workers.provider.caller import Caller
from workers.provider.cancellation import Cancellations, Stop
from workers.provider.fleet import Fleet, Grant
from workers.provider.hedge import Lane
from workers.provider.journal import Journal
from workers.provider.plan import Option, Plan
from workers.provider.records import attempted, usage_row
from workers.provider.refusal import CannotBeAskedError
from workers.provider.relay import DeltaRelay
from workers.provider.said import Asked, Result, Send
from workers.provider.telling import tell_change


@dataclass(frozen=True, slots=True)
class Tools:
    """What the requests of a process have in common."""

    caller: Caller
    emitter: Emitter
    fleet: Fleet
    gone: Cancellations
    prices: PriceBook
    budgets: Budgets
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Made:
    """A call that has ended."""

    attempt: Attempt
    result: Result


class Maker:
    """Makes the calls of one request."""

    def __init__(  # noqa: PLR0913 - what one request needs
        self,
        job: Job,
        request: dict[str, Any],
        plan: Plan,
        relay: DeltaRelay | None,
        *,
        tools: Tools,
        journal: Journal,
        grounding: Grounding | None = None,
    ) -> None:
        self._job = job
        self._request = request
        self._grounding = grounding
        self._plan = plan
        self._relay = relay
        self._tools = tools
        self._journal = journal
        self.entered = asyncio.Event()
        """Whether a call is in the journal."""
        self.under_way: AttemptedCall | None = None
        """The call that was entered last and has not ended yet."""

    async def make(self, grant: Grant, lane: Lane | None = None) -> Made:
        """Make the call that was granted, beside the one that is under way if there is one.

        What failed is in the ledger when this returns; what was answered goes there with the answer. Raises
        `PenstockError` where the call can't be entered, `NothingToCallError` where a budget has not so much left and
        `CannotBeAskedError` where the provider can't be asked that: then it was not made.
        """
        result: Result | None = None
        try:
            attempt = new_attempt(self._job, grant.option, self._journal.made + 1, grant.kind)
            asked = self._worded(attempt, grant.option)
            reservation = await self._tools.budgets.wanted(
                self._job, attempt, grant.option, asked, self._plan.prompt_tokens
            )
            self.under_way = call = await self._enter(attempt, reservation)
            self.entered.set()
            result = await self._tools.caller.call(
                self._job, attempt, asked, self._sender(attempt, lane), lane.stop if lane else Stop()
            )
        finally:
            tell_change(self._job.span, grant.option, self._tools.fleet.settle(grant, result))
        if result.error is not None:
            await self.record(Made(attempt, result))
        elif lane is not None:
            lane.won()
        if self.under_way is call:
            self.under_way = None
        return Made(attempt, result)

    async def _enter(self, attempt: Attempt, reservation: Reservation | None) -> InferenceAttempted:
        """Enter a call, and reserve for it at the same time: each is a round trip to a server of its own.

        The reservation takes longer, and is sent first.
        """
        if reservation is None:
            return await self._journalled(attempt)
        if self._tools.budgets.cover(reservation):
            self._tell_reserved(reservation, None)
            return await self._journalled(attempt)
        journalled = asyncio.create_task(self._journalled(attempt))
        refusal: Exception | None = None
        try:
            await self._tools.budgets.reserve(reservation)
        except Exception as error:  # noqa: BLE001 - raised below, once the entry is withdrawn
            refusal = error
        except BaseException:
            journalled.cancel()
            raise
        self._tell_reserved(reservation, refusal)
        # If this fails, what is reserved stays: it is another worker's whose call it is, or found when the message
        # comes again.
        call = await journalled
        if refusal is not None:
            await self._journal.withdraw(call)
            raise refusal
        return call

    async def _journalled(self, attempt: Attempt) -> InferenceAttempted:
        call = attempted(self._job, attempt, self._plan.prompt_tokens, self.under_way)
        await self._journal.enter(call)
        return call

    def _tell_reserved(self, reservation: Reservation, refusal: Exception | None) -> None:
        said: dict[str, AttributeValue] = {names.ATTEMPT: reservation.attempt}
        said[names.AMOUNT_USD] = float(reservation.amount)
        if isinstance(refusal, PenstockError):
            self._job.span.add_event(names.BUDGET_REFUSED, {**said, names.REASON: told(refusal)})
        elif refusal is None:
            self._job.span.add_event(names.BUDGET_RESERVED, said)

    def _worded(self, attempt: Attempt, option: Option) -> Asked:
        try:
            translation = self._tools.caller.word(self._job, attempt, self._request, self._grounding)
        except PenstockError as error:
            raise CannotBeAskedError(error, option) from error
        asked = self._request if self._grounding is None else self._grounding.request
        return Asked(self._job.headers[envelope.API], asked, translation)

    async def record(self, made: Made) -> None:
        """Enter a call that is not the request's outcome into the ledger."""
        await self._tools.emitter.emit(self._job, usage_row(self._job, made.attempt, made.result))

    def _sender(self, attempt: Attempt, lane: Lane | None) -> Send | None:
        if self._relay is None:
            return None
        send = self._relay.sender(attempt)
        return send if lane is None else lane.heard(send)
