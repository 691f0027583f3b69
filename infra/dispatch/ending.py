"""A request that counts against limits has ended: the messages by which what it did not take is given back."""

import time
from collections.abc import Sequence
from typing import Any

import orjson

from contracts import envelope, subjects
from contracts.inference import InferenceCompleted, InferenceFailed
from contracts.limits import Counted, LimitsReleased
from infra.counters import INCREMENT
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.limits.counted import Kind, packed
from infra.limits.window import still_counts

_EVENT = "limits.released"

Ended = InferenceCompleted | InferenceFailed


def released(job: Job, publications: Sequence[Publication], before: Ended | None = None) -> tuple[Publication, ...]:
    """What is to be stored once these are: nothing, unless one of them ends a request that counted.

    `before` is the terminal message that it had already. The message ids are the same for each request, so it is given
    back once, however often its end is handled.
    """
    header = job.headers.get(envelope.COUNTED)
    if header is None:
        return ()
    terminal = next((publication.body for publication in publications if publication.terminal), None)
    if terminal is not None:
        tokens = _tokens(orjson.loads(terminal))
    elif before is not None:
        tokens = _tokens(before.model_dump())
    else:
        return ()
    counted = Counted.model_validate_json(header)
    return (_closed(job, counted, tokens),) if counted.lease else _corrected(job, counted, tokens)


def correction_id(tenant: str, request_id: str, counter: str) -> str:
    """The message id of what is added to a counter when a request has ended."""
    return f"{tenant}.{request_id}.limits.{counter}.used"


def _corrected(job: Job, counted: Counted, tokens: int) -> tuple[Publication, ...]:
    """Increments, for the counters themselves: nobody has to hear of them."""
    more, now = tokens - counted.tokens, time.time()
    return tuple(
        Publication(
            event=_EVENT,
            subject=counter,
            key=correction_id(job.tenant, job.request_id, counter),
            body=b"",
            headers={INCREMENT: f"{packed(Kind.TOKENS, more):+d}"},
            carry=False,
        )
        for counter in counted.counters
        if more and still_counts(counter, now)
    )


def _closed(job: Job, counted: Counted, tokens: int) -> Publication:
    """For the validation worker: it waits for the database too, and corrects the counters on the way."""
    body = LimitsReleased(request_id=job.request_id, counted=counted, tokens=tokens)
    return Publication(
        event=_EVENT,
        subject=subjects.limits_released(job.tenant),
        key=f"{job.tenant}.{job.request_id}.{_EVENT}",
        body=body.model_dump_json(exclude_defaults=True).encode(),
        carry=False,
    )


def _tokens(terminal: dict[str, Any]) -> int:
    """What the provider's calls took; an answer of the cache's took nothing."""
    if not terminal.get("attempts"):
        return 0
    usage = terminal.get("usage") or {}
    return int(usage.get("input_tokens", 0)) + int(usage.get("output_tokens", 0))
