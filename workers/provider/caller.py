"""One provider call: made, timed, stopped when its caller leaves, and told of in a span."""

import asyncio
from typing import Any

from opentelemetry.trace import SpanKind

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from infra.catalog import Provider, call_timeouts
from infra.dispatch.job import Job
from infra.telemetry import names
from infra.telemetry.tracing import AttributeValue, Span, Tracer
from workers.provider.attempt import Attempt
from workers.provider.calls import STAGE, Call, ModelProvider
from workers.provider.cancellation import Cancellations
from workers.provider.providers import ProviderPool
from workers.provider.relay import DeltaRelay
from workers.provider.said import Result, Said


class Caller:
    """Makes calls. Never raises for what a provider does: that is a `Result` with an error."""

    def __init__(self, pool: ProviderPool, tracer: Tracer, gone: Cancellations) -> None:
        self._pool = pool
        self._tracer = tracer
        self._gone = gone

    async def call(self, job: Job, attempt: Attempt, request: dict[str, Any], relay: DeltaRelay | None) -> Result:
        """Make one call, within what is left of the job's deadline."""
        with self._pool.lease(attempt.deployment.provider) as (provider, model):
            return await self._call(job, attempt, request, relay, provider, model)

    async def _call(  # noqa: PLR0913, PLR0917 - what one call needs
        self,
        job: Job,
        attempt: Attempt,
        request: dict[str, Any],
        relay: DeltaRelay | None,
        provider: Provider,
        model: ModelProvider,
    ) -> Result:
        timeouts = call_timeouts(provider, attempt.deployment)
        span = self._start_span(job, attempt, provider)
        call = Call(
            api=job.headers[envelope.API],
            request=request,
            model=attempt.provider_model,
            idempotency_key=attempt.idempotency_key,
            timeout=max(min(job.remaining, timeouts.total), 0.001),
            connect_timeout=timeouts.connect,
            first_token=timeouts.first_token,
            between_tokens=timeouts.between_tokens,
            traceparent=span.context.traceparent(),
        )
        said = Said(model, call)
        running = asyncio.create_task(said.whole() if relay is None else said.stream(relay.sender(attempt)))
        error = await self._outcome_of(job, call, running)
        result = said.result(error)
        _finish_span(span, attempt, result)
        return result

    async def _outcome_of(self, job: Job, call: Call, running: "asyncio.Task[None]") -> PenstockError | None:
        try:
            with self._gone.stops(job.request_id, running):
                async with asyncio.timeout(call.timeout):
                    await running
        except PenstockError as error:
            return error
        except TimeoutError:
            message = "the deadline passed while the provider was answering"
            return PenstockError(ErrorCode.DEADLINE_EXCEEDED, message, stage=STAGE)
        except asyncio.CancelledError:
            if not self._gone.left(job.request_id):
                raise
            return PenstockError(ErrorCode.CANCELLED, "the caller went away", stage=STAGE)
        return None

    def _start_span(self, job: Job, attempt: Attempt, provider: Provider) -> Span:
        attributes: dict[str, AttributeValue] = {
            names.GEN_AI_OPERATION: "chat",
            names.GEN_AI_PROVIDER: provider.kind if provider.api_key_env else provider.name,
            names.GEN_AI_REQUEST_MODEL: attempt.provider_model,
            names.SERVER_ADDRESS: provider.base_url.host or "",
            names.DEPLOYMENT: attempt.deployment.name,
            names.ATTEMPT: attempt.number,
            names.REQUEST_ID: job.request_id,
            names.TENANT: job.tenant,
        }
        return self._tracer.start(f"chat {attempt.provider_model}", SpanKind.CLIENT, job.span.context, attributes)


def _finish_span(span: Span, attempt: Attempt, result: Result) -> None:
    span.attributes[names.GEN_AI_INPUT_TOKENS] = result.usage.input_tokens
    span.attributes[names.GEN_AI_OUTPUT_TOKENS] = result.usage.output_tokens
    span.attributes[names.GEN_AI_CACHED_TOKENS] = result.usage.cached_input_tokens
    span.attributes[names.USAGE_ESTIMATED] = result.usage.estimated
    span.attributes[names.GEN_AI_RESPONSE_MODEL] = str(result.response.get("model", attempt.provider_model))
    if result.first_token_ms is not None:
        span.attributes[names.FIRST_TOKEN_MS] = round(result.first_token_ms, 3)
    reasons = [choice.get("finish_reason") or "" for choice in result.response.get("choices") or ()]
    span.attributes[names.GEN_AI_FINISH_REASONS] = reasons
    if result.error is not None:
        span.attributes[names.ERROR_TYPE] = result.error.code
    span.end(result.error.message if result.error else None)
