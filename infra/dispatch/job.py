"""A message as a handler sees it: decoded once, with everything the envelope says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.msg import Msg

from contracts import envelope
from contracts.errors import ContractError
from contracts.subjects import Lane, is_token, lane_and_tail
from infra.telemetry.tracing import Span


@dataclass(frozen=True, slots=True)
class Position:
    """Where JetStream holds a message, how often it was delivered, and when it was stored (seconds since 1970)."""

    stream: str
    consumer: str
    deliveries: int
    sequence: int
    stored_at: float


@dataclass(slots=True)
class Job:
    """One message in hand. `headers` are the envelope as it came; `deadline` is in seconds since 1970, or None."""

    subject: str
    lane: Lane
    tenant: str
    request_id: str
    headers: Mapping[str, str]
    body: bytes
    deadline: float | None
    position: Position
    span: Span

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; infinite where there is none."""
        return float("inf") if self.deadline is None else self.deadline - time.time()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose message it is."""

    lane: Lane
    tenant: str
    request_id: str


def position_of(message: Msg) -> Position:
    """Read the ack subject. Raises `ContractError` for a message that did not come from a JetStream consumer.

    Two forms, from the server's ADR-15: $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.
    <pending>, and with <domain>.<account hash> before the stream and a random token at the end.
    """
    tokens = message.reply.split(".")
    if len(tokens) < 9 or tokens[1] != "ACK":
        raise ContractError("the message came from no JetStream consumer", stage="dispatch")
    at = 2 if len(tokens) == 9 else 4
    return Position(
        stream=tokens[at],
        consumer=tokens[at + 1],
        deliveries=int(tokens[at + 2]),
        sequence=int(tokens[at + 3]),
        stored_at=int(tokens[at + 5]) / 1e9,
    )


Identify = Callable[[str, Mapping[str, str], bytes], Identity]
"""From subject, headers and body of a message to whose it is."""


def identify_requested(subject: str, headers: Mapping[str, str], body: bytes) -> Identity:
    """At the producers' door: the tenant is the subject's, the request id the envelope's or else the body's."""
    lane, tenant = lane_and_tail(subject)
    return Identity(Lane(lane), tenant, headers.get(envelope.REQUEST_ID) or request_id_in(body))


def identify_forwarded(subject: str, headers: Mapping[str, str], _: bytes) -> Identity:
    """Behind the door: only workers publish there, and they carry the tenant in the envelope."""
    lane, _tail = lane_and_tail(subject)
    return Identity(Lane(lane), headers.get(envelope.TENANT, ""), headers.get(envelope.REQUEST_ID, ""))


def identify_laneless(_: str, headers: Mapping[str, str], _body: bytes) -> Identity:
    """Bookkeeping, where no lane stands in the subject."""
    return Identity(Lane.INTERACTIVE, headers.get(envelope.TENANT, ""), headers.get(envelope.REQUEST_ID, ""))


def require_identity(identity: Identity, stage: str) -> Identity:
    """Raise `ContractError` where an id is missing or can't stand in a subject: nobody could be told of a result."""
    if not is_token(identity.request_id):
        raise ContractError(
            "request_id must be 1 to 128 letters, digits, '-' or '_', in the body or as the header ce-requestid",
            stage=stage,
            param="request_id",
        )
    if not is_token(identity.tenant):
        raise ContractError("the message names no tenant", stage=stage, param="tenant")
    return identity


def deadline_of(headers: Mapping[str, str], stage: str) -> float | None:
    """The deadline in seconds since 1970, or None. Raises `ContractError` where it is no RFC 3339 time."""
    value = headers.get(envelope.DEADLINE)
    if value is None:
        return None
    try:
        return envelope.parse_deadline(value).timestamp()
    except ValueError as error:
        raise ContractError("deadline must be an RFC 3339 time with a zone", stage=stage, param="deadline") from error


def request_id_in(body: bytes) -> str:
    """The request id that a body names, or the empty string: a producer may put it there alone."""
    found = fields_of(body).get("request_id", "")
    return found if isinstance(found, str) else ""


def fields_of(body: bytes) -> dict[str, Any]:
    """The fields of a body that may be no contract; none where it is no JSON object."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
