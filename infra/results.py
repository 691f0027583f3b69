"""How requests ended: as the server republishes it to who waits (ADR 0004), and as their lane's stream holds it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError

from contracts import envelope, subjects
from contracts.inference import InferenceCompleted, InferenceFailed
from contracts.subjects import INGRESS_ID_LENGTH, Lane
from infra.streams import RESULTS, RESULTS_ASYNC

_COMPLETED = envelope.event_type("inference.completed")


@dataclass(frozen=True, slots=True)
class Terminal:
    """The end of a request. `body` is an `InferenceCompleted`, or an `InferenceFailed`.

    `stored_at`, in seconds since 1970, is known where it was read from its stream.
    """

    completed: bool
    body: bytes
    stored_at: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def outcome(self) -> InferenceCompleted | InferenceFailed:
        """The body, read."""
        return (InferenceCompleted if self.completed else InferenceFailed).model_validate_json(self.body)


def new_ingress() -> str:
    """An id for who waits for results; it begins each of its request ids."""
    return secrets.token_hex(INGRESS_ID_LENGTH // 2)


def new_request_id(ingress: str) -> str:
    """An id that leads the result back to `ingress`."""
    return ingress + secrets.token_hex(12)


def republished(message: Msg) -> Terminal:
    """What came on a result's subject."""
    headers = message.headers or {}
    return Terminal(headers.get(envelope.TYPE) == _COMPLETED, message.data, headers=headers)


async def find_terminal(js: JetStreamContext, lane: Lane, tenant: str, request_id: str) -> Terminal | None:
    """The terminal message of a request, or None where there is none yet. Raises what the client raises.

    Not a direct get: only the stream's leader knows the newest for certain.
    """
    stream = RESULTS if lane is Lane.INTERACTIVE else RESULTS_ASYNC
    try:
        found = await js.get_last_msg(stream, subjects.terminal(lane, tenant, request_id))
    except NotFoundError:
        return None
    stored_at = found.time.timestamp() if found.time else None
    return Terminal(".completed." in (found.subject or ""), found.data or b"", stored_at, found.headers or {})


async def find_terminal_now(js: JetStreamContext, lane: Lane, tenant: str, request_id: str) -> Terminal | None:
    """The same; None too where none can be read now."""
    try:
        return await find_terminal(js, lane, tenant, request_id)
    except (APIError, nats.errors.Error, OSError):
        return None
