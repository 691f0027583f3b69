"""One provider call: made, timed, stopped when its caller leaves, and told of in a span."""

import asyncio
from dataclasses import replace
from typing import Any

from opentelemetry.trace import SpanKind

from contracts import envelope
from contracts.apis.fields import Fields
from contracts.apis.grounding.grounding import Grounding
from contracts.apis.shape import SHAPES
from contracts.apis.translate import Origin, Translation, translate
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ANTHROPIC_COUNT_TOKENS, OPENAI_EMBEDDINGS, TokenUsage
from infra.catalog import Provider, call_timeouts
from infra.dispatch.job import Job
from infra.prices import PriceBook, cost
from infra.telemetry import names
from infra.telemetry.baggage import baggage_of
from infra.telemetry.prompt_metrics import CallSeen, GenAiMetrics
from infra.telemetry.told import told
from infra.telemetry.tracing import AttributeValue, Span, Tracer
from workers.provider import errors
from workers.provider.attempt import Attempt
from workers.provider.calls import STAGE, Call, ModelProvider
from workers.provider.cancellation import Cancellations, Stop
from workers.provider.providers import ProviderPool
from workers.provider.said import Asked, Result, Said, Send

_OPERATIONS = {OPENAI_EMBEDDINGS: "embeddings", ANTHROPIC_COUNT_TOKENS: "count_tokens"}


class Caller:
    """Makes calls. Never raises for what a provider does: that is a `Result` with an error."""

    def __init__(
        self, pool: ProviderPool, tracer: Tracer, gone: Cancellations, prices: PriceBook, metrics: GenAiMetrics
    ) -> None:
        self._pool = pool
        self._tracer = tracer
        self._gone = gone
        self._prices = prices
        self._metrics = metrics

    def word(
        self, job: Job, attempt: Attempt, request: dict[str, Any], grounding: Grounding | None = None
    ) -> Translation:
        """The request in words of the provider's. Raises `PenstockError` where it can't be asked that."""
        origin = Origin(job.request_id, int(attempt.started_at.timestamp()), attempt.provider_model)
        fields = Fields(drop=job.headers.get(envelope.DROP_PARAMS) == "true")
        with self._pool.lease(attempt.deployment.provider) as (_, model):
            return translate(job.headers[envelope.API], request, model.spoken, fields, origin, grounding)

    async def call(self, job: Job, attempt: Attempt, asked: Asked, send: Send | None, stop: Stop) -> Result:
        """Make one call, within what is left of the job's deadline: a stream where `send` takes its events."""
        local = job.headers.get(envelope.RESIDENCY) == "local" and attempt.deployment.residency is None
        try:
            with self._pool.lease(attempt.deployment.provider, local=local) as (provider, model):
                return await self._call(job, attempt, asked, provider, model, send, stop)
        except PenstockError as error:
            # The catalogue has no such provider any more.
            return Result({}, TokenUsage(), error, 0.0, None)

    async def _call(  # noqa: PLR0913, PLR0917 - what one call needs
        self,
        job: Job,
        attempt: Attempt,
        asked: Asked,
        provider: Provider,
        model: ModelProvider,
        send: Send | None,
        stop: Stop,
    ) -> Result:
        timeouts = call_timeouts(provider, attempt.deployment)
        too_late = errors.deadline_passed() if job.remaining <= timeouts.total else errors.timed_out(provider.name)
        span = self._start_span(job, attempt, provider)
        call = Call(
            api=asked.translation.api,
            request=asked.translation.request,
            model=attempt.provider_model,
            idempotency_key=attempt.idempotency_key,
            timeout=max(min(job.remaining, timeouts.total), 0.001),
            connect_timeout=timeouts.connect,
            first_token=timeouts.first_token,
            between_tokens=timeouts.between_tokens,
            traceparent=span.context.traceparent(),
            baggage=self._baggage(job),
            api_version=job.headers.get(envelope.API_VERSION),
            beta=job.headers.get(envelope.BETA),
            translated=asked.translation.api != asked.api,
        )
        said = Said(model, call, asked)
        running = asyncio.create_task(said.whole() if send is None else said.stream(send))
        error = await self._outcome_of(job, call, running, stop, too_late)
        result = self._priced(job, attempt, provider, said.result(error))
        _finish_span(span, attempt, result, SHAPES[asked.api].finish_reasons(result.response))
        self._metrics.count(_seen(job, attempt, span, result))
        return result

    def _priced(self, job: Job, attempt: Attempt, provider: Provider, result: Result) -> Result:
        deployment, model, at = attempt.deployment, attempt.provider_model, attempt.started_at
        prices = self._prices.prices_of(provider, deployment, model, at, job.lane, result.terms)
        return result if prices is None else replace(result, cost_usd=cost(result.usage, prices))

    async def _outcome_of(
        self, job: Job, call: Call, running: "asyncio.Task[None]", stop: Stop, too_late: PenstockError
    ) -> PenstockError | None:
        try:
            with self._gone.stops(job, running), stop.ends(running):
                async with asyncio.timeout(call.timeout):
                    await running
        except PenstockError as error:
            return error
        except TimeoutError:
            return too_late
        except asyncio.CancelledError:
            if self._gone.left(job.tenant, job.request_id):
                return PenstockError(ErrorCode.CANCELLED, "the caller went away", stage=STAGE)
            if stop.given:
                return PenstockError(ErrorCode.CANCELLED, "another deployment has answered first", stage=STAGE)
            raise
        return None

    def _baggage(self, job: Job) -> str | None:
        if self._tracer.baggage != "providers":
            return None
        return baggage_of(job.tenant, job.headers.get(envelope.TAGS))

    def _start_span(self, job: Job, attempt: Attempt, provider: Provider) -> Span:
        operation = _OPERATIONS.get(job.headers[envelope.API], "chat")
        attributes: dict[str, AttributeValue] = {
            names.GEN_AI_OPERATION: operation,
            names.GEN_AI_PROVIDER: provider.kind if provider.api_key_env else provider.name,
            names.GEN_AI_REQUEST_MODEL: attempt.provider_model,
            names.SERVER_ADDRESS: provider.base_url.host or "",
            names.DEPLOYMENT: attempt.deployment.name,
            names.ATTEMPT: attempt.number,
            names.CALL_KIND: attempt.kind,
            names.REQUEST_ID: job.request_id,
            names.TENANT: job.tenant,
        }
        return self._tracer.start(
            f"{operation} {attempt.provider_model}", SpanKind.CLIENT, job.span.context, attributes
        )


def _seen(job: Job, attempt: Attempt, span: Span, result: Result) -> CallSeen:
    return CallSeen(
        operation=str(span.attributes[names.GEN_AI_OPERATION]),
        provider=str(span.attributes[names.GEN_AI_PROVIDER]),
        model=attempt.provider_model,
        deployment=attempt.deployment.name,
        tenant=job.tenant,
        usage=result.usage,
        cost_usd=result.cost_usd,
        error_type=result.error.code if result.error else "",
        seconds=result.latency_ms / 1000,
        first_token=None if result.first_token_ms is None else result.first_token_ms / 1000,
        trace=span.context,
    )


def _finish_span(span: Span, attempt: Attempt, result: Result, reasons: list[str]) -> None:
    span.attributes[names.GEN_AI_INPUT_TOKENS] = result.usage.input_tokens
    span.attributes[names.GEN_AI_OUTPUT_TOKENS] = result.usage.output_tokens
    span.attributes[names.GEN_AI_CACHED_TOKENS] = result.usage.cached_input_tokens
    span.attributes[names.USAGE_ESTIMATED] = result.usage.estimated
    span.attributes[names.GEN_AI_RESPONSE_MODEL] = str(result.response.get("model", attempt.provider_model))
    if result.first_token_ms is not None:
        span.attributes[names.FIRST_TOKEN_MS] = round(result.first_token_ms, 3)
    span.attributes[names.GEN_AI_FINISH_REASONS] = reasons
    if result.cost_usd is not None:
        span.attributes[names.COST_USD] = float(result.cost_usd)
    if result.error is not None:
        span.attributes[names.ERROR_TYPE] = result.error.code
    # Nothing is wrong with a call whose caller left, or that another one has beaten.
    failed = result.error is not None and result.error.code is not ErrorCode.CANCELLED
    span.end(told(result.error) if result.error and failed else None)
