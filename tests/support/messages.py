"""One good message of each event that a worker consumes, as the stage before it would have published it."""

import base64
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import numpy as np
import orjson

from contracts import envelope, subjects
from contracts.inference import OPENAI_CHAT, InferenceCompleted, TokenUsage
from contracts.responses import ResponseStatus, ResponseStored, response_id_of
from contracts.subjects import Lane
from contracts.usage import UsageRecorded
from infra.dispatch.job import Job, Position
from infra.streams import LOCAL_POOL
from infra.telemetry.tracing import Span
from ingestion.embedding import embedding_model
from tests.support.pipeline import TENANT, Stored, prompt
from tests.support.simulator import DEPLOYMENT, MODEL, OPENAI

_SUBJECTS: dict[str, Callable[[Lane, str], str]] = {
    "inference.requested": lambda lane, _: subjects.requested(lane, TENANT),
    "inference.ungrounded": lambda lane, _: subjects.ungrounded(lane, TENANT),
    "inference.validated": lambda lane, _: subjects.validated(lane, TENANT),
    "inference.waiting": lambda lane, request_id: subjects.waiting(lane, TENANT, own_cache_key(request_id)),
    "inference.uncached": lambda lane, _: subjects.uncached(lane, TENANT),
    "inference.routed": lambda lane, _: subjects.routed(lane, OPENAI),
    "inference.completed": lambda lane, request_id: subjects.completed(lane, TENANT, request_id),
    "usage.recorded": lambda _, __: subjects.usage_recorded(TENANT),
    "response.stored": lambda _, request_id: subjects.response_stored(TENANT, request_id),
}
_STAGES = tuple(_SUBJECTS)
_DOCUMENT_SUBJECTS: dict[str, Callable[[Lane], str]] = {
    "documents.submitted": lambda lane: subjects.submitted(lane, TENANT),
    "documents.chunked": lambda lane: subjects.chunked(lane, LOCAL_POOL),
    "documents.embedded": lambda lane: subjects.embedded(lane, TENANT),
    "documents.indexed": lambda lane: subjects.indexed(lane, TENANT, "any"),
}
STORE = "docs"
"""The store that submissions name."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published."""

    subject: str
    headers: dict[str, str]
    body: bytes


def message_of(event: str, request_id: str, lane: Lane = Lane.INTERACTIVE, version: int = 1) -> Message:
    """A message of `event` that its worker can do its work on, if the index has a `version` of that number."""
    if event in _DOCUMENT_SUBJECTS:
        headers, body = _own_headers(event, request_id), _submission(request_id)
        if event != "documents.submitted":
            headers, body = {**headers, envelope.TENANT: TENANT}, _in_chunks(event, request_id, version)
        return Message(_DOCUMENT_SUBJECTS[event](lane), headers, body)
    return Message(_SUBJECTS[event](lane, request_id), _headers(event, request_id), _body(event, request_id))


def own_cache_key(request_id: str) -> str:
    """The key under which a `completed` of `message_of` is stored: one of its own for each request."""
    return hashlib.sha256(request_id.encode()).hexdigest()


def _headers(event: str, request_id: str) -> dict[str, str]:
    """What the stages up to this one have found out."""
    headers = _own_headers(event, request_id)
    stage = _STAGES.index(event)
    if stage >= _STAGES.index("inference.ungrounded"):
        headers |= {
            envelope.TENANT: TENANT,
            envelope.API: OPENAI_CHAT,
            envelope.MODEL: MODEL,
            envelope.STREAM: "false",
            envelope.DEADLINE: envelope.rfc3339(datetime.now(UTC) + timedelta(seconds=60)),
        }
    if stage >= _STAGES.index("inference.uncached"):
        headers |= {envelope.CACHE_KEY: own_cache_key(request_id), envelope.CACHE_STATUS: "miss"}
    if stage >= _STAGES.index("inference.routed"):
        headers |= {envelope.DEPLOYMENTS: DEPLOYMENT, envelope.ROUTE: "pattern sim-*"}
    return headers


def _own_headers(event: str, request_id: str) -> dict[str, str]:
    key = f"{TENANT}.{request_id}.{event}"
    headers = envelope.new_headers(event=event, message_id=key, source="penstock/test", now=datetime.now(UTC))
    return {**headers, envelope.REQUEST_ID: request_id}


def _submission(request_id: str) -> bytes:
    """A document of the same name as its submission."""
    body = {"submission_id": request_id, "store": STORE, "document_id": request_id, "text": f"What {request_id} says."}
    return orjson.dumps(body)


def content_of(request_id: str) -> str:
    """The hash of the content of `_submission`, more or less: what its chunks are cut from."""
    return hashlib.sha256(request_id.encode()).hexdigest()


def _in_chunks(event: str, request_id: str, version: int) -> bytes:
    """The same document in one chunk, for a version of WordLlama's; `embedded` with a vector that says nothing."""
    text = f"What {request_id} says."
    body = {
        "submission_id": request_id,
        "store_id": STORE,
        "document_id": request_id,
        "version": version,
        **wordllama(),
        "sha256": content_of(request_id),
        "chunks": [{"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest(), "start": 0, "end": len(text)}],
    }
    if event == "documents.embedded":
        body |= {"vectors": base64.b64encode(np.ones(256, "<f2").tobytes()).decode(), "embedded": 1, "reused": 0}
    return orjson.dumps(body)


@functools.cache
def wordllama() -> dict[str, Any]:
    """The model of this machine, as messages tell of it: its revision is the hash of a large file."""
    model = embedding_model("wordllama")
    return {"model": model.name, "revision": model.revision, "dimension": model.dimension}


def _body(event: str, request_id: str) -> bytes:
    if event == "inference.completed":
        return completed_body(request_id).model_dump_json(exclude_none=True).encode()
    if event == "usage.recorded":
        return _usage(request_id).model_dump_json(exclude_none=True).encode()
    if event == "response.stored":
        return _response(request_id).model_dump_json().encode()
    if event == "inference.ungrounded":
        return orjson.dumps(_searching(request_id))
    # A prompt that two requests have is answered once.
    return orjson.dumps(prompt(request_id, content=request_id))


def _searching(request_id: str) -> dict[str, Any]:
    """A prompt that names a store, which has to be there."""
    body = prompt(request_id)
    body["request"]["tools"] = [{"type": "file_search", "vector_store_ids": [STORE]}]
    return body


def completed_body(request_id: str) -> InferenceCompleted:
    """An answer."""
    message = {"role": "assistant", "content": "Hello."}
    return InferenceCompleted(
        request_id=request_id,
        api=OPENAI_CHAT,
        response={
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        },
        model=MODEL,
        deployment=DEPLOYMENT,
        provider_model=MODEL,
        cache="miss",
        attempts=1,
        usage=TokenUsage(input_tokens=10, output_tokens=2),
        cost_usd=Decimal("0.000014"),
    )


def _response(request_id: str) -> ResponseStored:
    return ResponseStored(
        response_id=response_id_of(request_id),
        created_at=datetime.now(UTC),
        status=ResponseStatus.COMPLETED,
        items=[{"type": "message", "role": "user", "content": "Hello."}],
        response={"object": "response", "status": "completed", "output": []},
    )


def _usage(request_id: str) -> UsageRecorded:
    return UsageRecorded(
        request_id=request_id,
        attempt=1,
        tenant=TENANT,
        lane=Lane.INTERACTIVE,
        api=OPENAI_CHAT,
        model=MODEL,
        deployment=DEPLOYMENT,
        provider=OPENAI,
        provider_model=MODEL,
        status="completed",
        usage=TokenUsage(input_tokens=10, output_tokens=2),
        cost_usd=Decimal("0.000014"),
        idempotency_key=f"{TENANT}.{request_id}.1",
        started_at=datetime.now(UTC),
        latency_ms=12.5,
    )


def job_of(stored: Stored) -> Job:
    """A stored message as a handler gets it."""
    position = Position("STREAM", "consumer", 1, stored.sequence, 0.0)
    headers, tenant = stored.headers, stored.headers.get(envelope.TENANT, "")
    span = cast("Span", None)
    lane = Lane(stored.subject.split(".")[4])
    return Job(stored.subject, lane, tenant, stored.request_id or "", headers, stored.body, None, position, span)
