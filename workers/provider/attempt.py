"""One provider call: made, timed, stopped when its caller leaves, and told of in a span."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opentelemetry.trace import SpanKind

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import TokenUsage
from infra.catalog import Deployment, Provider
from infra.dispatch.job import Job
from infra.telemetry import names
from infra.telemetry.tracing import AttributeValue, Span, Tracer
from workers.provider.assemble import Assembler
from workers.provider.calls import STAGE, Call, ChatProvider
from workers.provider.cancellation import Cancellations
from workers.provider.relay import DeltaRelay
from workers.provider.usage import estimated, reported

Providers = dict[str, tuple[Provider, ChatProvider]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which call this is. The idempotency key names it to the provider, so that both sides count the same calls."""

    number: int
    deployment: Deployment
    provider_model: str
    idempotency_key: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. `response` is what was said, also where `error` says why it is not all."""

    response: dict[str, Any]
    usage: TokenUsage
    error: PenstockError | None
    latency_ms: float
    first_token_ms: float | None

    @property
    def status(self) -> str:
        if self.error is None:
            return "completed"
        return "cancelled" if self.error.code is ErrorCode.CANCELLED else "failed"


def new_attempt(job: Job, deployment: Deployment, number: int) -> Attempt:
    """The next call for a job."""
    return Attempt(
        number=number,
        deployment=deployment,
        provider_model=deployment.provider_model(job.headers[envelope.MODEL]),
        idempotency_key=f"{job.tenant}.{job.request_id}.{number}",
        started_at=datetime.now(UTC),
    )


class Caller:
    """Makes calls. Never raises for what a provider does: that is a `Result` with an error."""

    def __init__(self, providers: Providers, tracer: Tracer, gone: Cancellations) -> None:
        self._providers = providers
        self._tracer = tracer
        self._gone = gone

    async def call(self, job: Job, attempt: Attempt, request: dict[str, Any], relay: DeltaRelay | None) -> Result:
        """Make one call, within what is left of the job's deadline."""
        provider, chat = self._providers[attempt.deployment.provider]
        span = self._start_span(job, attempt, provider)
        call = Call(
            request=request,
            model=attempt.provider_model,
            idempotency_key=attempt.idempotency_key,
            timeout=max(min(job.remaining, provider.timeout), 0.001),
            traceparent=span.context.traceparent(),
        )
        said = _Said()
        work = said.whole(chat, call) if relay is None else said.stream(chat, call, relay, attempt)
        running = asyncio.create_task(work)
        error = await self._outcome_of(job, call, running)
        result = said.result(request, error)
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


class _Said:
    """What the provider has said so far; complete or not, it is what the ledger has to go by."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._assembler = Assembler()
        self._response: dict[str, Any] | None = None

    async def whole(self, chat: ChatProvider, call: Call) -> None:
        self._response = await chat.complete(call)

    async def stream(self, chat: ChatProvider, call: Call, relay: DeltaRelay, attempt: Attempt) -> None:
        async for chunk in chat.stream(call):
            if self._first_token is None:
                self._first_token = time.perf_counter()
            self._assembler.add(chunk)
            await relay.send(chunk, attempt.deployment, attempt.provider_model, attempt.number)

    def result(self, request: dict[str, Any], error: PenstockError | None) -> Result:
        now = time.perf_counter()
        response = self._response if self._response is not None else self._assembler.completion()
        usage = reported(response)
        if usage is None:
            said_nothing = error is not None and error.code is not ErrorCode.CANCELLED and self._first_token is None
            usage = TokenUsage() if said_nothing else estimated(request, self._characters(response))
        first = None if self._first_token is None else (self._first_token - self._started) * 1000
        return Result(response, usage, error, (now - self._started) * 1000, first)

    def _characters(self, response: dict[str, Any]) -> int:
        if self._response is None:
            return self._assembler.output_characters
        messages = (choice.get("message") or {} for choice in response["choices"])
        return sum(len(message.get("content") or "") for message in messages)


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
