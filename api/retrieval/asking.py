"""Asks the retrieval worker over core NATS. What it is asked changes nothing, so it can be asked again."""

import asyncio
import time
from dataclasses import dataclass

import nats.errors
import orjson

from api.dialects.dialect import STAGE
from api.gateway import Gateway
from api.observed import Visit
from api.served import Json
from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ErrorBody

_PAUSE = 0.1
_STARTING = 5.0
"""Seconds in which a worker that was killed is there again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds: how long a request is waited for; after how long it is sent again, as its worker may have died."""

    whole: float
    again_after: float


async def ask(gateway: Gateway, visit: Visit, subject: str, question: bytes, patience: Patience) -> Json:
    """The answer. Raises the `PenstockError` that it tells of, and `pipeline_unavailable` where nobody answers."""
    reply = await _request(gateway, visit, subject, question, patience)
    answer: Json = orjson.loads(reply)
    if (error := answer.get("error")) is not None:
        raise ErrorBody.model_validate(error).to_error()
    return answer


async def _request(gateway: Gateway, visit: Visit, subject: str, body: bytes, patience: Patience) -> bytes:
    begun = time.monotonic()
    headers = {envelope.TRACEPARENT: visit.span.context.traceparent(), envelope.REQUEST_ID: visit.request_id}
    while (left := begun + patience.whole - time.monotonic()) > 0:
        try:
            timeout = min(left, patience.again_after)
            reply = await gateway.connection.client.request(subject, body, timeout=timeout, headers=headers)
        except nats.errors.TimeoutError:
            continue
        except (nats.errors.Error, OSError):
            # No worker is there, or the broker is away.
            if time.monotonic() - begun > _STARTING:
                break
            await asyncio.sleep(_PAUSE)
        else:
            return reply.data
    message = "no retrieval worker answers: try again in a moment"
    raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True)
