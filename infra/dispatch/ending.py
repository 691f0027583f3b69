"""A request that counts against limits has ended: the message by which it is given back."""

from collections.abc import Sequence
from typing import Any

import orjson

from contracts import envelope, subjects
from contracts.inference import InferenceCompleted, InferenceFailed
from contracts.limits import Counted, LimitsReleased
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication

_EVENT = "limits.released"

Ended = InferenceCompleted | InferenceFailed


def released(job: Job, publications: Sequence[Publication], before: Ended | None = None) -> tuple[Publication, ...]:
    """What is to be stored once these are: nothing, unless one of them ends a request that counted.

    `before` is the terminal message that it had already. The message id is one for each request, so it is given back
    once, however often its end is handled.
    """
    counted = job.headers.get(envelope.COUNTED)
    if counted is None:
        return ()
    terminal = next((publication.body for publication in publications if publication.terminal), None)
    if terminal is not None:
        tokens = _tokens(orjson.loads(terminal))
    elif before is not None:
        tokens = _tokens(before.model_dump())
    else:
        return ()
    body = LimitsReleased(request_id=job.request_id, counted=Counted.model_validate_json(counted), tokens=tokens)
    return (
        Publication(
            event=_EVENT,
            subject=subjects.limits_released(job.tenant),
            key=f"{job.tenant}.{job.request_id}.{_EVENT}",
            body=body.model_dump_json(exclude_defaults=True).encode(),
            carry=False,
        ),
    )


def _tokens(terminal: dict[str, Any]) -> int:
    """What the provider's calls took; an answer of the cache's took nothing."""
    if not terminal.get("attempts"):
        return 0
    usage = terminal.get("usage") or {}
    return int(usage.get("input_tokens", 0)) + int(usage.get("output_tokens", 0))
