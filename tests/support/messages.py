"""One good message of each event that a worker consumes, as the stage before it would have published it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson

from contracts import envelope, subjects
from contracts.inference import OPENAI_CHAT, InferenceCompleted, TokenUsage
from contracts.responses import ResponseStatus, ResponseStored, response_id_of
from contracts.subjects import Lane
from contracts.usage import UsageRecorded
from tests.support.pipeline import TENANT, prompt
from tests.support.simulator import DEPLOYMENT, MODEL, OPENAI

_SUBJECTS: dict[str, Callable[[Lane, str], str]] = {
    "inference.requested": lambda lane, _: subjects.requested(lane, TENANT),
    "inference.validated": lambda lane, _: subjects.validated(lane, TENANT),
    "inference.uncached": lambda lane, _: subjects.uncached(lane, TENANT),
    "inference.routed": lambda lane, _: subjects.routed(lane, OPENAI),
    "inference.completed": lambda lane, request_id: subjects.completed(lane, TENANT, request_id),
    "usage.recorded": lambda _, __: subjects.usage_recorded(TENANT),
    "response.stored": lambda _, request_id: subjects.response_stored(TENANT, request_id),
}
_STAGES = tuple(_SUBJECTS)


@dataclass(frozen=True, slots=True)
class Message:
    """What is published."""

    subject: str
    headers: dict[str, str]
    body: bytes


def message_of(event: str, request_id: str, lane: Lane = Lane.INTERACTIVE) -> Message:
    """A message of `event` that its worker can do its work on."""
    return Message(_SUBJECTS[event](lane, request_id), _headers(event, request_id), _body(event, request_id))


def own_cache_key(request_id: str) -> str:
    """The key under which a `completed` of `message_of` is stored: one of its own for each request."""
    return hashlib.sha256(request_id.encode()).hexdigest()


def _headers(event: str, request_id: str) -> dict[str, str]:
    """What the stages up to this one have found out."""
    now = datetime.now(UTC)
    key = f"{TENANT}.{request_id}.{event}"
    headers = envelope.new_headers(event=event, message_id=key, source="penstock/test", now=now)
    headers[envelope.REQUEST_ID] = request_id
    stage = _STAGES.index(event)
    if stage >= _STAGES.index("inference.validated"):
        headers |= {
            envelope.TENANT: TENANT,
            envelope.API: OPENAI_CHAT,
            envelope.MODEL: MODEL,
            envelope.STREAM: "false",
            envelope.DEADLINE: envelope.rfc3339(now + timedelta(seconds=60)),
        }
    if stage >= _STAGES.index("inference.uncached"):
        headers |= {envelope.CACHE_KEY: own_cache_key(request_id), envelope.CACHE_STATUS: "miss"}
    if stage >= _STAGES.index("inference.routed"):
        headers |= {envelope.DEPLOYMENTS: DEPLOYMENT, envelope.ROUTE: "pattern sim-*"}
    return headers


def _body(event: str, request_id: str) -> bytes:
    if event == "inference.completed":
        return completed_body(request_id).model_dump_json(exclude_none=True).encode()
    if event == "usage.recorded":
        return _usage(request_id).model_dump_json(exclude_none=True).encode()
    if event == "response.stored":
        return _response(request_id).model_dump_json().encode()
    return orjson.dumps(prompt(request_id))


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
