"""Before a call of a tenant or key that has a budget: what it can cost is known, and reserved."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from contracts import envelope
from contracts.apis.terms import terms_in
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ANTHROPIC_COUNT_TOKENS
from infra.access.policies import Policies
from infra.budgets.advances import Advances
from infra.budgets.reservation import Reservation, Reservations
from infra.catalog import CatalogSource, Provider, call_timeouts
from infra.dispatch.job import Job
from infra.prices import PriceBook, ceiling, most_output
from workers.provider.attempt import Attempt
from workers.provider.calls import STAGE
from workers.provider.plan import Option
from workers.provider.refusal import CannotBeAskedError, NothingToCallError
from workers.provider.said import Asked


@dataclass(frozen=True, slots=True)
class Estimates:
    """What is assumed of a call before it is made: `output_tokens` of an answer that nothing limits.

    `settled_after` is for how many seconds after a call's last moment its row may be on its way to the ledger.
    """

    output_tokens: int
    settled_after: float


class Budgets:
    """The budgets of a process's calls. Who has none pays for nothing here."""

    def __init__(  # noqa: PLR0913 - what it is put together from, once a process
        self,
        policies: Policies,
        reservations: Reservations,
        advances: Advances,
        prices: PriceBook,
        catalog: CatalogSource,
        *,
        estimates: Estimates,
    ) -> None:
        self._policies = policies
        self._reservations = reservations
        self._advances = advances
        self._prices = prices
        self._catalog = catalog
        self._estimates = estimates

    async def wanted(
        self, job: Job, attempt: Attempt, option: Option, asked: Asked, prompt_tokens: int
    ) -> Reservation | None:
        """What has to be reserved for a call: the most that it can cost. None where it needs no reservation.

        Raises `CannotBeAskedError` (`price_unknown`) where nobody knows what it costs, and another `PenstockError`
        where it can't be known now who has a budget.
        """
        policy = await self._policies.of(job.tenant, job.headers.get(envelope.KEY_ID))
        if not policy.budgeted or asked.translation.api == ANTHROPIC_COUNT_TOKENS:
            return None
        provider = _provider_of(self._catalog, attempt)
        amount = self._most(job, attempt, provider, asked, prompt_tokens)
        if amount is None:
            raise CannotBeAskedError(_price_unknown(), option)
        if not amount:
            return None
        longest = min(job.remaining, call_timeouts(provider, attempt.deployment).total) + self._estimates.settled_after
        return Reservation(
            organisation=policy.organisation,
            tenant=job.tenant,
            key_id=policy.key_id,
            request_id=job.request_id,
            attempt=attempt.number,
            amount=amount,
            started_at=attempt.started_at,
            expires_at=attempt.started_at + timedelta(seconds=longest),
        )

    async def reserve(self, reservation: Reservation) -> None:
        """The call may be made then. The ledger's row of it settles it.

        Raises `NothingToCallError` (`insufficient_quota`) where a budget has not so much left, and another
        `PenstockError` where that can't be known now.
        """
        try:
            await self._reservations.reserve(reservation)
        except PenstockError as error:
            if error.code is not ErrorCode.INSUFFICIENT_QUOTA:
                raise
            raise NothingToCallError(error.code, error.message, stage=STAGE, retry_after=error.retry_after) from error
        self._advances.reserved(reservation)

    def cover(self, reservation: Reservation) -> bool:
        """Whether the call may be made without any wait, as money was set aside for it."""
        return self._advances.cover(reservation)

    async def open(self) -> None:
        """Begin to listen."""
        self._policies.on_forget(self._advances.end_all)
        await self._advances.open()

    async def close(self) -> None:
        """Give everything back, and the connection."""
        await self._advances.close()
        await self._reservations.close()

    def _most(self, job: Job, attempt: Attempt, provider: Provider, asked: Asked, prompt_tokens: int) -> Decimal | None:
        """Dollars; None where the price is not known. Prices are those of the terms that the caller asks for."""
        deployment, request = attempt.deployment, asked.translation.request
        terms = terms_in(request, {})
        prices = self._prices.prices_of(
            provider, deployment, attempt.provider_model, attempt.started_at, job.lane, terms
        )
        if prices is None:
            return None
        answer = most_output(asked.translation.api, request, deployment, self._estimates.output_tokens)
        return ceiling(prompt_tokens, answer, prices)


def _provider_of(catalog: CatalogSource, attempt: Attempt) -> Provider:
    """Raises `PenstockError` where the catalogue has lost it a moment ago."""
    try:
        return catalog.current.provider(attempt.deployment.provider)
    except KeyError as error:
        message = "the model is not in the catalogue any more"
        raise PenstockError(ErrorCode.MODEL_NOT_FOUND, message, stage=STAGE, retryable=True) from error


def _price_unknown() -> PenstockError:
    message = "the price of this model is not known, and what has a budget calls no model without one"
    return PenstockError(ErrorCode.PRICE_UNKNOWN, message, stage=STAGE)
