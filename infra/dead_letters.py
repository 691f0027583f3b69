"""Looking at dead letters, and sending them on their way again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import orjson
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from contracts import deadletter, envelope, subjects
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import ROOT
from infra.broker import Publisher
from infra.dispatch.job import request_id_in
from infra.streams import DEADLETTER

_PROMPTS = tuple(f"{ROOT}.inference.{event}." for event in ("requested", "validated", "uncached", "routed"))
_LONGEST_ID = 128
_NO_SUCH_MESSAGE = 10057
_KEPT_FOR_A_NEW_LIFE = (envelope.SPEC, envelope.SOURCE, envelope.KEY_ID, envelope.TENANT)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that a stage gave up on. `id` is its sequence in the dead-letter stream."""

    id: int
    stage: str
    reason: str
    error_code: str
    subject: str
    deliveries: int
    at: datetime | None
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get(envelope.REQUEST_ID) or request_id_in(self.body) or None


@dataclass(frozen=True, slots=True)
class Redrive:
    """A dead letter's next life: what is published, and under which request id its result will be."""

    subject: str
    headers: dict[str, str]
    body: bytes
    request_id: str | None


class DeadLetters:
    """The dead-letter stream."""

    def __init__(self, js: JetStreamContext, publisher: Publisher) -> None:
        self._js = js
        self._publisher = publisher

    async def all(self) -> AsyncIterator[DeadLetter]:
        """Every dead letter, the oldest first."""
        sequence = 1
        while True:
            try:
                found = await self._js.get_msg(DEADLETTER, seq=sequence, subject=f"{ROOT}.deadletter.>", next=True)
            except NotFoundError:
                return
            letter = _letter(found)
            yield letter
            sequence = letter.id + 1

    async def one(self, letter_id: int) -> DeadLetter:
        """Raises `PenstockError` (`not_found`)."""
        try:
            return _letter(await self._js.get_msg(DEADLETTER, seq=letter_id))
        except NotFoundError:
            message = f"there is no dead letter {letter_id}"
            raise PenstockError(ErrorCode.NOT_FOUND, message, stage="cli") from None

    async def redrive(self, letter: DeadLetter) -> Redrive:
        """Publish it again, and only then take it off the stream. Raises `PenstockError` where it can't be."""
        again = redrive_of(letter)
        await self._publisher.publish(again.subject, again.body, again.headers)
        await self.discard(letter)
        return again

    async def discard(self, letter: DeadLetter) -> None:
        """Take it off the stream for good; one that somebody else has taken off is off."""
        try:
            await self._js.delete_msg(DEADLETTER, letter.id)
        except APIError as error:
            if error.err_code != _NO_SUCH_MESSAGE:
                raise


def redrive_of(letter: DeadLetter) -> Redrive:
    """What is published for a dead letter.

    A prompt has had its `failed`, and a request has one terminal message only: it begins again as a request of its own,
    at the first stage, without the old deadline. Anything else goes back to where it was. Either way a new trace begins
    that links to the old one.
    """
    if not letter.subject.startswith(f"{ROOT}.inference.") or letter.request_id is None:
        headers = {name: value for name, value in letter.headers.items() if name not in deadletter.OWN}
        return Redrive(letter.subject, _linked(headers, letter), letter.body, letter.request_id)
    if not letter.subject.startswith(_PROMPTS):
        raise _no_request(letter)
    lane, tail = subjects.lane_and_tail(letter.subject)
    tenant = tail if ".requested." in letter.subject else letter.headers.get(envelope.TENANT, "")
    suffix = f"-r{letter.id}"
    request_id = letter.request_id[: _LONGEST_ID - len(suffix)] + suffix
    headers = {name: letter.headers[name] for name in _KEPT_FOR_A_NEW_LIFE if name in letter.headers}
    headers[envelope.TYPE] = envelope.event_type("inference.requested")
    headers[envelope.REQUEST_ID] = headers[envelope.ID] = request_id
    body = _with_request_id(letter, request_id)
    return Redrive(subjects.requested(lane, tenant), _linked(headers, letter), body, request_id)


def _linked(headers: dict[str, str], letter: DeadLetter) -> dict[str, str]:
    old = letter.headers.get(envelope.TRACEPARENT)
    linked = {name: value for name, value in headers.items() if name != envelope.TRACEPARENT}
    linked[envelope.MSG_ID] = f"redrive.{letter.id}"
    linked[deadletter.REDRIVEN_FROM] = str(letter.id)
    if old is not None:
        linked[deadletter.LINK] = old
    return linked


def _with_request_id(letter: DeadLetter, request_id: str) -> bytes:
    try:
        body = orjson.loads(letter.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise _no_request(letter)
    body.pop("deadline", None)
    return orjson.dumps({**body, "request_id": request_id})


def _no_request(letter: DeadLetter) -> PenstockError:
    message = f"dead letter {letter.id} is no request and can't become one: discard it"
    return PenstockError(ErrorCode.INVALID_REQUEST, message, stage="cli")


def _letter(message: RawStreamMsg) -> DeadLetter:
    headers = {str(name): str(value) for name, value in (message.headers or {}).items()}
    return DeadLetter(
        id=message.seq or 0,
        stage=headers.get(deadletter.STAGE, "unknown"),
        reason=headers.get(deadletter.REASON, ""),
        error_code=headers.get(deadletter.ERROR_CODE, ""),
        subject=headers.get(deadletter.SUBJECT, message.subject or ""),
        deliveries=int(headers.get(deadletter.DELIVERIES, "0")),
        at=message.time,
        headers=headers,
        body=message.data or b"",
    )
