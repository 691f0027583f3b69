"""Stored responses: the newest in JetStream, the others in PostgreSQL."""

from datetime import UTC, datetime
from typing import NamedTuple

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope, subjects
from contracts.apis.fields import Json
from contracts.apis.responses.items import input_items
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_RESPONSES, InferenceCompleted, InferenceFailed
from contracts.responses import ResponseStatus, ResponseStored, is_kept, request_id_of, response_id_of
from contracts.subjects import Lane
from infra.database.tables import StoredResponse
from infra.dispatch.job import Job
from infra.dispatch.outcome import Publication
from infra.streams import RESPONSES, RESULTS, RESULTS_ASYNC

EVENT = "response.stored"


class Place(NamedTuple):
    """Where a background response stands: the stream's sequence of its state, and when it was asked for (seconds)."""

    sequence: int
    created_at: int


async def place_of(js: JetStreamContext, job: Job, request: Json) -> Place | None:
    """The place of a job's response, where it is made in the background; None for any other.

    Raises `PenstockError`: `cancelled` for one that was cancelled or deleted before its turn came. That is looked up
    here because whoever heard of it at the time may not live any more.
    """
    if job.headers[envelope.API] != OPENAI_RESPONSES or request.get("background") is not True:
        return None
    try:
        found = await js.get_last_msg(RESPONSES, subjects.response_stored(job.tenant, job.request_id))
    except NotFoundError:
        return None
    record = ResponseStored.model_validate_json(found.data or b"")
    if record.status in (ResponseStatus.CANCELLED, ResponseStatus.DELETED):
        raise PenstockError(ErrorCode.CANCELLED, f"the response was {record.status}", stage="responses")
    return Place(found.seq or 0, int(record.created_at.timestamp()))


def stored(tenant: str, record: ResponseStored, *, after: int | None = None) -> Publication:
    """The message that stores a response as it is now. A status is stored once: a redelivered stage repeats itself.

    `after` is the sequence of the state that it must follow: where another came in between, that one stays.
    """
    request_id = request_id_of(record.response_id)
    return Publication(
        event=EVENT,
        subject=subjects.response_stored(tenant, request_id),
        key=f"{tenant}.{request_id}.{EVENT}.{record.status}",
        body=record.model_dump_json().encode(),
        headers={
            envelope.REQUEST_ID: request_id,
            envelope.TENANT: tenant,
            **({} if after is None else {envelope.EXPECTED_LAST_SEQUENCE: str(after)}),
        },
    )


def kept(job: Job, request: Json, response: Json, place: Place | None) -> tuple[Publication, ...]:
    """What is stored beside the answer to a job: its response, where it is one that can be asked for again.

    One that was cancelled or deleted since `place` was looked up stays so.
    """
    if not is_kept(job.headers[envelope.API], request):
        return ()
    record = ResponseStored(
        response_id=response_id_of(job.request_id),
        created_at=datetime.fromtimestamp(response["created_at"], UTC),
        status=response["status"],
        background=request.get("background") is True,
        confidential=job.headers.get(envelope.CONFIDENTIAL) == "true",
        items=input_items(request, id_seed=job.request_id),
        response=response,
    )
    return (stored(job.tenant, record, after=place.sequence if place else None),)


class ResponseStore:
    """Reads stored responses, each of its own tenant alone."""

    def __init__(self, js: JetStreamContext, engine: AsyncEngine, stage: str) -> None:
        self._js = js
        self._engine = engine
        self._stage = stage

    async def find(self, tenant: str, response_id: str) -> ResponseStored | None:
        """The response, or None for one that was never stored, was deleted or has expired. Raises `PenstockError`."""
        request_id = request_id_of(response_id)
        if not subjects.is_token(request_id):
            return None
        body = await self._last(RESPONSES, subjects.response_stored(tenant, request_id))
        if body is None:
            body = await self._in_database(tenant, response_id)
        record = None if body is None else ResponseStored.model_validate_json(body)
        return None if record is None or record.status == ResponseStatus.DELETED else record

    async def may_come(self, tenant: str, response_id: str) -> bool:
        """Whether a response that isn't found was answered just now, and is still on its way to where it is stored.

        Not where it was not to be stored, and not where it was deleted. Raises `PenstockError`.
        """
        request_id = request_id_of(response_id)
        if not subjects.is_token(request_id) or await self._last(
            RESPONSES, subjects.response_stored(tenant, request_id)
        ):
            return False
        outcome = await self.outcome(tenant, response_id)
        return isinstance(outcome, InferenceCompleted) and outcome.response.get("store") is not False

    async def outcome(self, tenant: str, response_id: str) -> InferenceCompleted | InferenceFailed | None:
        """The terminal message of the request behind a response, while it is kept. Raises `PenstockError`."""
        request_id = request_id_of(response_id)
        for stream, lane in ((RESULTS_ASYNC, Lane.BATCH), (RESULTS, Lane.INTERACTIVE)):
            if body := await self._last(stream, subjects.completed(lane, tenant, request_id)):
                return InferenceCompleted.model_validate_json(body)
            if body := await self._last(stream, subjects.failed(lane, tenant, request_id)):
                return InferenceFailed.model_validate_json(body)
        return None

    async def _last(self, stream: str, subject: str) -> bytes | None:
        try:
            message = await self._js.get_last_msg(stream, subject)
        except NotFoundError:
            return None
        except (APIError, nats.errors.Error, OSError) as error:
            raise self._unavailable("the message broker") from error
        return message.data

    async def _in_database(self, tenant: str, response_id: str) -> bytes | None:
        query = select(StoredResponse.body).where(
            StoredResponse.tenant_id == tenant,
            StoredResponse.id == response_id,
            StoredResponse.expires_at > func.now(),
        )
        try:
            async with self._engine.connect() as connection:
                found: bytes | None = (await connection.execute(query)).scalar_one_or_none()
        except (SQLAlchemyError, OSError) as error:
            raise self._unavailable("the database") from error
        return found

    def _unavailable(self, what: str) -> PenstockError:
        message = f"stored responses can't be read: {what} can't be reached"
        return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=self._stage, retryable=True)
