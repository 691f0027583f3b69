"""The messages that a provider call leaves: the journal's before it, the ledger's after it."""

from datetime import UTC, datetime

from contracts import envelope, subjects
from contracts.errors import ErrorCode
from contracts.inference import AttemptedCall, InferenceAttempted, InferenceCompleted, InferenceFailed, TokenUsage
from contracts.usage import INTERRUPTED, UsageRecorded
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.prices import PriceSet, cost
from workers.provider.attempt import Attempt
from workers.provider.said import Result
from workers.usage_messages import facts_of, usage_message


def attempted(job: Job, attempt: Attempt, input_tokens: int, beside: AttemptedCall | None = None) -> InferenceAttempted:
    """A call as the journal knows it; `beside` is the one that is under way already."""
    return InferenceAttempted(
        request_id=job.request_id,
        attempt=attempt.number,
        model=job.headers[envelope.MODEL],
        deployment=attempt.deployment.name,
        provider=attempt.deployment.provider,
        provider_model=attempt.provider_model,
        idempotency_key=attempt.idempotency_key,
        started_at=attempt.started_at,
        input_tokens=input_tokens,
        beside=beside,
    )


def journal_entry(job: Job, call: InferenceAttempted, *, after: int | None) -> Publication:
    """Written before the call: should this process die in it, the next one knows that it was made.

    `after` is the sequence of the entry that it must follow, 0 where it must be the first; None asks for no order.
    """
    return Publication(
        event="inference.attempted",
        subject=subjects.attempted(job.tenant, job.request_id),
        key=f"{job.tenant}.{job.request_id}.attempted.{call.attempt}{'.withdrawn' if call.withdrawn else ''}",
        body=call.model_dump_json(exclude_none=True).encode(),
        headers={} if after is None else {envelope.EXPECTED_LAST_SEQUENCE: str(after)},
        carry=False,
    )


def usage_row(job: Job, attempt: Attempt, result: Result) -> Publication:
    """What one call used, whatever became of it."""
    return usage_message(
        job,
        f"usage.{attempt.number}",
        UsageRecorded(
            **facts_of(job),
            attempt=attempt.number,
            deployment=attempt.deployment.name,
            provider=attempt.deployment.provider,
            provider_model=attempt.provider_model,
            status=result.status,
            error_code=result.error.code if result.error else None,
            usage=result.usage,
            cost_usd=result.cost_usd,
            idempotency_key=attempt.idempotency_key,
            started_at=attempt.started_at,
            latency_ms=result.latency_ms,
            first_token_ms=result.first_token_ms,
        ),
    )


def row_owed(
    job: Job,
    entry: AttemptedCall,
    terminal: InferenceCompleted | InferenceFailed | None,
    prices: PriceSet | None,
) -> Publication:
    """The row of a call whose own worker may not have lived to write it; one that is there already stays.

    A terminal message that knows of the call says what it used and cost; else that is estimated from the journal, and
    costs what it does by `prices`.
    """
    known = terminal if terminal is not None and (terminal.attempt or terminal.attempts) == entry.attempt else None
    used = known.usage if known else TokenUsage(input_tokens=entry.input_tokens, estimated=True)
    guessed = None if prices is None else cost(used, prices)
    return usage_message(
        job,
        f"usage.{entry.attempt}" if known else f"usage.{entry.attempt}.{INTERRUPTED}",
        UsageRecorded(
            **facts_of(job),
            attempt=entry.attempt,
            deployment=entry.deployment,
            provider=entry.provider,
            provider_model=entry.provider_model,
            status=_status_of(known) if known else INTERRUPTED,
            error_code=known.error.code if isinstance(known, InferenceFailed) else None,
            usage=used,
            cost_usd=known.cost_usd if known else guessed,
            idempotency_key=entry.idempotency_key,
            started_at=entry.started_at,
            latency_ms=max((datetime.now(UTC) - entry.started_at).total_seconds() * 1000, 0.0),
        ),
    )


def _status_of(terminal: InferenceCompleted | InferenceFailed) -> str:
    if isinstance(terminal, InferenceCompleted):
        return "completed"
    return "cancelled" if terminal.error.code == ErrorCode.CANCELLED else "failed"
