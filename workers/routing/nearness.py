"""Is a prompt about a tenant's internal documents? The retrieval worker is asked, for tenants that want that."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import nats.errors
import orjson
from nats.aio.client import Client
from pydantic import ValidationError

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.apis.grounding.question import turns_of
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_EMBEDDINGS
from contracts.retrieval import MOST_TEXTS, ClosenessAnswered, ClosenessRequested
from infra.dispatch.job import Job
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_PATIENCE = 2.0
"""Seconds: an answer takes some milliseconds."""
_WINDOW = 1_000
"""Characters of a text that are compared at once: of a longer one the mean would be close to nothing."""
_TEXTS = ("text", "content", "output")
"""Where a turn, a part of its content or a tool's result has its text."""


class Closest(NamedTuple):
    """How close a prompt is, if that is known. `is_close` holds too where it can't be known: then it stays inside."""

    is_close: bool
    cosine: float | None


class Nearness:
    """Asks over NATS."""

    def __init__(self, client: Client, log: Logger) -> None:
        self._client = client
        self._log = log

    async def of(self, job: Job, threshold: float) -> Closest:
        """Whether a request's texts are as close as `threshold` to a confidential store of its tenant's."""
        texts = texts_of(job.headers[envelope.API], orjson.loads(job.body)["request"])
        if not texts:
            return Closest(is_close=False, cosine=None)
        body = ClosenessRequested(texts=texts).model_dump_json().encode()
        try:
            reply = await self._client.request(
                subjects.closeness_requested(job.tenant), body, timeout=_PATIENCE, headers=_parent(job)
            )
            answer = ClosenessAnswered.model_validate_json(reply.data)
        except (nats.errors.Error, OSError, ValidationError) as error:
            self._log.warning("closeness_unknown", tenant=job.tenant, request_id=job.request_id, error=told(error))
            return Closest(is_close=True, cosine=None)
        if answer.error is not None:
            self._log.warning(
                "closeness_unknown", tenant=job.tenant, request_id=job.request_id, error=answer.error.code
            )
            return Closest(is_close=True, cosine=None)
        return Closest(answer.closest is not None and answer.closest >= threshold, answer.closest)


def texts_of(api: str, request: Json) -> tuple[str, ...]:
    """What a prompt says, whoever in it, in pieces: the newest first, and no more than `MOST_TEXTS`."""
    pieces = [piece for text in _texts(api, request) for piece in _windows(text)]
    return tuple(pieces[:MOST_TEXTS])


def _texts(api: str, request: Json) -> Iterator[str]:
    if api == OPENAI_EMBEDDINGS:
        asked = request.get("input")
        yield from (text for text in (asked if isinstance(asked, list) else [asked]) if isinstance(text, str))
        return
    turns = list(request["messages"]) if api == ANTHROPIC_MESSAGES else turns_of(api, request)
    for said in (*reversed(turns), request.get("system"), request.get("instructions")):
        yield "\n".join(_said(said))


def _said(part: Any) -> Iterator[str]:  # noqa: ANN401 - whatever stands in a turn
    """Its texts, however deep: those of tools' results too."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for each in part:
            yield from _said(each)
    elif isinstance(part, dict):
        for name in _TEXTS:
            yield from _said(part.get(name))


def _windows(text: str) -> Iterator[str]:
    text = text.strip()
    yield from (text[begin : begin + _WINDOW] for begin in range(0, len(text), _WINDOW))


def _parent(job: Job) -> dict[str, str]:
    return {envelope.TRACEPARENT: job.span.context.traceparent(), envelope.REQUEST_ID: job.request_id}
