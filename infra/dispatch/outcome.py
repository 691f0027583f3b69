"""What a handler returns: the messages that must be stored before its own message is acked."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from contracts import subjects
from contracts.errors import PenstockError
from contracts.inference import ErrorBody, InferenceCompleted, InferenceFailed, TokenUsage
from infra.dispatch.job import Job


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to store. `event` names its contract; `key` its message id; `headers` go over the carried ones.

    A `terminal` one is stored only if the request has no terminal message yet. `carry` passes the job's envelope on:
    without it, nobody takes the message further, so it gets no send span of its own either. `apart` is for one of very
    many: it begins a trace of its own that links to the job's. `error` is what a `failed` says.
    """

    event: str
    subject: str
    key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False
    carry: bool = True
    apart: bool = False
    error: PenstockError | None = None

    @property
    def error_code(self) -> str | None:
        """Why it failed, if it did."""
        return None if self.error is None else self.error.code


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: a word for metrics and spans, and what to publish. Nothing to publish is an answer too.

    `ack` is False only where another process is known to have the same message in hand: that one acks it. `settled` is
    awaited once the server has confirmed the ack: it gives back what only this message needed. `ended` is the terminal
    message that the request had before, where none is published.
    """

    label: str
    publications: tuple[Publication, ...] = ()
    ack: bool = True
    settled: Callable[[], Awaitable[None]] | None = None
    ended: InferenceCompleted | InferenceFailed | None = None

    @property
    def error(self) -> PenstockError | None:
        """What it tells the caller went wrong."""
        return next((each.error for each in self.publications if each.error is not None), None)


def forwarded(job: Job, event: str, subject: str, headers: Mapping[str, str]) -> Outcome:
    """The prompt goes on to the next stage, its bytes as they came."""
    key = f"{job.tenant}.{job.request_id}.{event}"
    return Outcome("forwarded", (Publication(event, subject, key, job.body, headers),))


def completed(job: Job, body: InferenceCompleted) -> Publication:
    """The request's terminal message: its answer."""
    return Publication(
        event="inference.completed",
        subject=subjects.completed(job.lane, job.tenant, job.request_id),
        key=terminal_key(job),
        body=body.model_dump_json(exclude_none=True).encode(),
        terminal=True,
    )


def failed(job: Job, error: PenstockError, **details: object) -> Publication:
    """The request's terminal message: why there is no answer. `details` are further fields of `InferenceFailed`."""
    fields: dict[str, object] = {"usage": TokenUsage(), **details}
    body = InferenceFailed.model_validate({"request_id": job.request_id, "error": ErrorBody.of(error), **fields})
    return Publication(
        event="inference.failed",
        subject=subjects.failed(job.lane, job.tenant, job.request_id),
        key=terminal_key(job),
        body=body.model_dump_json(exclude_none=True).encode(),
        terminal=True,
        error=error,
    )


def terminal_key(job: Job) -> str:
    """One message id for whichever terminal message comes first."""
    return f"{job.tenant}.{job.request_id}.terminal"
